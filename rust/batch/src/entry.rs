//! Many log entries at once, on several threads.

use std::collections::{HashMap, HashSet};
use std::thread;

use base64ct::{Base64, Encoding};
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use crate::account;
use crate::json::{Value, parse};
use crate::proof::Proof;
use crate::signature::prove;

const MAX_BYTES: usize = 65536;
const MAX_DEPTH: usize = 32;
/// Fewer entries than this are not worth a thread.
const SHARE: usize = 64;

/// Whose signatures are looked for: credentials by key id (hex), and accounts of EVM chains (0x and lower-case hex).
pub struct Signers {
    keys: HashMap<String, VerifyingKey>,
    accounts: HashSet<String>,
}

impl Signers {
    /// A public key that is no point verifies nothing.
    pub fn new(keys: impl IntoIterator<Item = (String, [u8; 32])>, accounts: HashSet<String>) -> Self {
        let known = |(id, public)| Some((id, VerifyingKey::from_bytes(&public).ok()?));
        Self { keys: keys.into_iter().filter_map(known).collect(), accounts }
    }
}

/// An entry's document and leaf hash, and the proofs of those of its signatures that verified.
pub struct Prepared<'a> {
    pub document: Value<'a>,
    pub leaf: [u8; 32],
    pub proofs: Vec<Proof>,
}

/// Each entry in canonical bytes prepared, in order; nothing where the bytes are not canonical.
pub fn prepare<'a>(raws: &[&'a [u8]], signers: &Signers) -> Vec<Option<Prepared<'a>>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = raws.len().div_ceil(threads).max(SHARE);
    let work = |part: &[&'a [u8]]| part.iter().map(|raw| prepare_one(raw, signers)).collect::<Vec<_>>();
    let mut parts = raws.chunks(share);
    let first = parts.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let mut prepared = work(first);
        for (other, part) in others.into_iter().zip(raws.chunks(share).skip(1)) {
            prepared.extend(other.join().unwrap_or_else(|_| part.iter().map(|_| None).collect()));
        }
        prepared
    })
}

fn prepare_one<'a>(raw: &'a [u8], signers: &Signers) -> Option<Prepared<'a>> {
    let document = (raw.len() <= MAX_BYTES).then(|| parse(raw, MAX_DEPTH))??;
    let leaf = Sha256::new().chain_update([0]).chain_update(raw).finalize().into();
    let evidence = document.get("evidence").map_or(&[][..], Value::items);
    let mut proofs: Vec<_> = evidence.iter().flat_map(|envelope| stated(envelope, signers)).collect();
    proofs.extend(document.get("body").and_then(|body| paid(body, signers)));
    Some(Prepared { document, leaf, proofs })
}

/// The proofs of a DSSE envelope's signatures by known keys.
fn stated(envelope: &Value, signers: &Signers) -> Vec<Proof> {
    let signed = || {
        let payload = Base64::decode_vec(envelope.get("payload")?.text()?).ok()?;
        Some(pre_authentication(envelope.get("payloadType")?.text()?, &payload))
    };
    let Some(message) = signed() else { return Vec::new() };
    let proven = |item: &Value| {
        let key = signers.keys.get(item.get("keyid")?.text()?)?;
        prove(key, &message, &Base64::decode_vec(item.get("sig")?.text()?).ok()?)
    };
    envelope.get("signatures").map_or(&[][..], Value::items).iter().filter_map(proven).collect()
}

/// The proof of a body's `signature` over its `digest`, by one of the accounts.
fn paid(body: &Value, signers: &Signers) -> Option<Proof> {
    let digest = bytes::<32>(body.get("digest")?.text()?)?;
    let signature = bytes::<64>(body.get("signature")?.text()?)?;
    let by = |parity| account::prove(digest, &signature, parity).filter(|(by, _)| signers.accounts.contains(by));
    by(0).or_else(|| by(1)).map(|(_, proof)| proof)
}

/// The bytes that as many lower-case hex digits spell.
fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    base16ct::lower::decode(hex, &mut bytes).ok().filter(|decoded| decoded.len() == N)?;
    Some(bytes)
}

/// DSSE v1: "DSSEv1" SP length(type) SP type SP length(payload) SP payload.
fn pre_authentication(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}
