//! DKLs23 threshold ECDSA on secp256k1 (<https://eprint.iacr.org/2023/765>), by `dkls23-core`.
//!
//! Only its key generation and its four signing phases are used; not its refresh, repair or re-key.
//! `Party` and the libraries' messages implement `Debug` and would print secrets: nothing here formats them.
//! Its random generator is the thread's, which does not reseed on fork: start a role by exec, and never fork
//! one that has used this crate.

mod abort;
mod keygen;
#[cfg(test)]
mod probing;
mod refresh;
mod share;
mod sign;

use dkls23_core::protocols::PartyIndex;
use k256::{AffinePoint, Secp256k1};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Refusal, Result};

pub use keygen::keygen;
pub use share::DklsShare;

type Party = dkls23_core::protocols::Party<Secp256k1>;

fn index(value: u8) -> Result<PartyIndex> {
    PartyIndex::new(value).map_err(|_| Refusal::new("session.participants", "party indices start at 1"))
}

/// 33 bytes, compressed (SEC 1 §2.3.3).
fn point_bytes(point: &AffinePoint) -> Vec<u8> {
    dkls23_core::utilities::hashes::point_to_bytes::<Secp256k1>(point)
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_allocvec(value).map_err(|_| Refusal::internal("a message does not encode"))
}

/// Decode a whole body; bytes left over are refused. `what` and `sender` are for the refusal.
fn decode<T: DeserializeOwned>(sender: u8, what: &str, body: &[u8]) -> Result<T> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        _ => Err(Refusal::malformed(sender, what)),
    }
}
