//! Signing (<https://eprint.iacr.org/2023/765>, protocol 3.6): four phases, three rounds.
//!
//! | round | message | read by |
//! |---|---|---|
//! | 1 | direct, 27 kB: oblivious-transfer extension, commitment | phase 2, a probe |
//! | 2 | direct, 55 kB: multiplication, opening | phase 3, a probe |
//! | 3 | broadcast: u, w | phase 4 |
//!
//! The library's last broadcast names neither sender nor session; the frame around it does both.

use std::collections::BTreeMap;
use std::sync::Arc;

use dkls23_core::protocols::PartyIndex;
use dkls23_core::protocols::signing::{
    Broadcast3to4, KeepPhase1to2, KeepPhase2to3, SignData, TransmitPhase1to2, TransmitPhase2to3, UniqueKeep1to2,
    UniqueKeep2to3,
};
use k256::Secp256k1;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

use super::abort::signing;
use super::{Party, decode, encode};
use crate::error::{Refusal, Result};
use crate::hash::Hash;
use crate::session::{Awaits, Output, Phase, Round, Sends, Setup, Turn};

/// The first phase; the digest is bound into every message from here on.
pub fn first(setup: Arc<Setup>, party: Arc<Party>, counterparties: Vec<PartyIndex>, digest: Hash) -> Box<dyn Phase> {
    let data = SignData { sign_id: setup.binding.to_vec(), counterparties, message_hash: digest };
    Box::new(First { party, data })
}

struct First {
    party: Arc<Party>,
    data: SignData,
}

impl Phase for First {
    fn awaits(&self) -> Awaits {
        Awaits::Nothing
    }

    fn run(self: Box<Self>, _: Round) -> Result<Turn> {
        let Self { party, data } = *self;
        let (unique, kept, messages) = party.sign_phase1(&data).map_err(signing)?;
        let direct = messages
            .iter()
            .map(|message| Ok((message.parties.receiver.as_u8(), encode(message)?)))
            .collect::<Result<_>>()?;
        Ok(Turn::Next(Box::new(Second { party, data, unique, kept }), Sends::direct(direct)))
    }
}

struct Second {
    party: Arc<Party>,
    data: SignData,
    unique: UniqueKeep1to2<Secp256k1>,
    kept: BTreeMap<PartyIndex, KeepPhase1to2<Secp256k1>>,
}

impl Phase for Second {
    fn awaits(&self) -> Awaits {
        Awaits::Direct
    }

    fn is_probe(&self) -> bool {
        true
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { party, data, unique, kept } = *self;
        let mut received: Vec<TransmitPhase1to2> = Vec::new();
        for (sender, body) in round.directs() {
            let message: TransmitPhase1to2 = decode(sender, "first message", body)?;
            named(sender, message.parties.sender)?;
            received.push(message);
        }
        let (unique, kept, messages) = party.sign_phase2(&data, unique, kept, &received).map_err(signing)?;
        let direct = messages
            .iter()
            .map(|message| Ok((message.parties.receiver.as_u8(), encode(message)?)))
            .collect::<Result<_>>()?;
        Ok(Turn::Next(Box::new(Third { party, data, unique, kept }), Sends::direct(direct)))
    }
}

struct Third {
    party: Arc<Party>,
    data: SignData,
    unique: UniqueKeep2to3<Secp256k1>,
    kept: BTreeMap<PartyIndex, KeepPhase2to3<Secp256k1>>,
}

impl Phase for Third {
    fn awaits(&self) -> Awaits {
        Awaits::Direct
    }

    fn is_probe(&self) -> bool {
        true
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { party, data, unique, kept } = *self;
        let mut received: Vec<TransmitPhase2to3<Secp256k1>> = Vec::new();
        for (sender, body) in round.directs() {
            let message: TransmitPhase2to3<Secp256k1> = decode(sender, "second message", body)?;
            named(sender, message.parties.sender)?;
            received.push(message);
        }
        let (x, own) = party.sign_phase3(&data, unique, kept, &received).map_err(signing)?;
        let broadcast = encode(&own)?;
        Ok(Turn::Next(Box::new(Fourth { party, data, x, own }), Sends::broadcast(broadcast)))
    }
}

struct Fourth {
    party: Arc<Party>,
    data: SignData,
    /// The x coordinate of R, in hexadecimal (the library's form).
    x: String,
    own: Broadcast3to4<Secp256k1>,
}

impl Phase for Fourth {
    fn awaits(&self) -> Awaits {
        Awaits::Broadcast
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { party, data, x, own } = *self;
        let mut received = vec![own];
        for (sender, body) in round.broadcasts() {
            received.push(decode(sender, "last message", body)?);
        }
        let (s, recovery_id) = party.sign_phase4(&data, &x, &received, true).map_err(signing)?;
        let bytes = verified(&party, &data.message_hash, &x, &s, recovery_id)?;
        Ok(Turn::Done(Output::Signature { bytes, recovery_id: Some(recovery_id) }))
    }
}

fn named(sender: u8, named: PartyIndex) -> Result<()> {
    if named.as_u8() == sender {
        return Ok(());
    }
    Err(Refusal::new("session.sender", format!("party {sender} sent a message in another party's name")).by(sender))
}

/// r||s, after recovering the (child) public key from it with another library's code: a signature that
/// recovers the key also verifies under it (SEC 1 §4.1.6).
fn verified(party: &Party, digest: &Hash, r: &str, s: &str, recovery_id: u8) -> Result<[u8; 64]> {
    let wrong = || Refusal::new("session.signature", "the signature does not verify under the key");
    let bytes: [u8; 64] =
        unhex(r).chain(unhex(s)).collect::<Option<Vec<u8>>>().and_then(|b| b.try_into().ok()).ok_or_else(wrong)?;
    let signature = Signature::from_slice(&bytes).map_err(|_| wrong())?;
    let id = RecoveryId::from_byte(recovery_id).ok_or_else(wrong)?;
    let key = VerifyingKey::recover_from_prehash(digest, &signature, id).map_err(|_| wrong())?;
    let low = signature.normalize_s() == signature;
    if low && key.as_affine() == &party.pk { Ok(bytes) } else { Err(wrong()) }
}

fn unhex(text: &str) -> impl Iterator<Item = Option<u8>> + '_ {
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
}
