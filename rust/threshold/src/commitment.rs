//! Commit first, open later: salted hash commitments bound to session and author.
//!
//! The author's index is inside the hash, so a commitment copied from another party cannot be opened.

use crate::error::{Refusal, Result};
use crate::hash::{Hash, hash};
use crate::session::Setup;

const TAG: &str = "strongroom.commitment.v1";

/// A random salt and the commitment to `value` by this party.
pub fn commit(setup: &Setup, value: &[u8]) -> Result<(Hash, Hash)> {
    let mut salt = [0u8; 32];
    getrandom::fill(&mut salt).map_err(|_| Refusal::internal("the system's random generator failed"))?;
    Ok((salt, digest(setup, setup.me, &salt, value)))
}

/// Check that `author` opened what it committed to; raises `key.commitment`.
pub fn open(setup: &Setup, author: u8, commitment: &Hash, salt: &Hash, value: &[u8]) -> Result<()> {
    if digest(setup, author, salt, value) == *commitment {
        return Ok(());
    }
    Err(Refusal::new("key.commitment", format!("party {author} opened something it had not committed to")).by(author))
}

fn digest(setup: &Setup, author: u8, salt: &Hash, value: &[u8]) -> Hash {
    hash(TAG, &[&setup.binding, &[author], salt, value])
}
