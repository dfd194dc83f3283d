//! Many log entries at once, on several threads.

use std::collections::HashMap;
use std::thread;

use base64ct::{Base64, Encoding};
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use crate::json::{Value, parse};
use crate::signature::{Proof, prove};

const MAX_BYTES: usize = 65536;
const MAX_DEPTH: usize = 32;
/// Fewer entries than this are not worth a thread.
const SHARE: usize = 64;

/// The credentials that evidence may name, by key id (hex).
#[derive(Default)]
pub struct Keys(HashMap<String, VerifyingKey>);

impl Keys {
    /// Public keys by key id; one that is no point verifies nothing.
    pub fn new(publics: impl IntoIterator<Item = (String, [u8; 32])>) -> Self {
        let known = |(id, public)| Some((id, VerifyingKey::from_bytes(&public).ok()?));
        Self(publics.into_iter().filter_map(known).collect())
    }
}

/// An entry's document and leaf hash, and the proofs of those of its signatures that verified.
pub struct Prepared<'a> {
    pub document: Value<'a>,
    pub leaf: [u8; 32],
    pub proofs: Vec<Proof>,
}

/// Each entry in canonical bytes prepared, in order; nothing where the bytes are not canonical.
pub fn prepare<'a>(raws: &[&'a [u8]], keys: &Keys) -> Vec<Option<Prepared<'a>>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = raws.len().div_ceil(threads).max(SHARE);
    let work = |part: &[&'a [u8]]| part.iter().map(|raw| prepare_one(raw, keys)).collect::<Vec<_>>();
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

fn prepare_one<'a>(raw: &'a [u8], keys: &Keys) -> Option<Prepared<'a>> {
    let document = (raw.len() <= MAX_BYTES).then(|| parse(raw, MAX_DEPTH))??;
    let leaf = Sha256::new().chain_update([0]).chain_update(raw).finalize().into();
    let evidence = document.get("evidence").map_or(&[][..], Value::items);
    let proofs = evidence.iter().flat_map(|envelope| proofs_of(envelope, keys)).collect();
    Some(Prepared { document, leaf, proofs })
}

/// The proofs of a DSSE envelope's signatures by known keys.
fn proofs_of(envelope: &Value, keys: &Keys) -> Vec<Proof> {
    let signed = || {
        let payload = Base64::decode_vec(envelope.get("payload")?.text()?).ok()?;
        Some(pre_authentication(envelope.get("payloadType")?.text()?, &payload))
    };
    let Some(message) = signed() else { return Vec::new() };
    let proven = |item: &Value| {
        let key = keys.0.get(item.get("keyid")?.text()?)?;
        prove(key, &message, &Base64::decode_vec(item.get("sig")?.text()?).ok()?)
    };
    envelope.get("signatures").map_or(&[][..], Value::items).iter().filter_map(proven).collect()
}

/// DSSE v1: "DSSEv1" SP length(type) SP type SP length(payload) SP payload.
fn pre_authentication(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}
