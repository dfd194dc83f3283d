//! Tagged, length-prefixed SHA-256: no two different field lists hash alike.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// SHA-256 over the tag and every field, each preceded by its length as a big-endian u64.
pub fn hash(tag: &str, fields: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for field in std::iter::once(&tag.as_bytes()).chain(fields) {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    hasher.finalize().into()
}
