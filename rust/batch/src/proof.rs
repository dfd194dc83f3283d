//! The names under which Python remembers what was verified here.

use sha2::{Digest, Sha256};

/// SHA-256(kind || 0x00 || parts), of which all but the last have a fixed length for each kind.
pub type Proof = [u8; 32];

pub fn proof(kind: &str, parts: &[&[u8]]) -> Proof {
    let begun = Sha256::new().chain_update(kind).chain_update([0]);
    parts.iter().fold(begun, |hash, part| hash.chain_update(part)).finalize().into()
}
