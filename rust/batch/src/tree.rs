//! The right edge of an RFC 6962 tree, as Python keeps it: the roots of its perfect subtrees, largest first.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

fn node(left: &[u8], right: &[u8]) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// One more leaf behind `size` others: how many of the peaks stay, the peak behind them, and the root over all.
pub fn grow<P: AsRef<[u8]>>(size: u64, peaks: &[P], leaf: Hash) -> (usize, Hash, Hash) {
    let merged = (size.trailing_ones() as usize).min(peaks.len());
    let (kept, taken) = peaks.split_at(peaks.len() - merged);
    let join = |right: Hash, left: &P| node(left.as_ref(), &right);
    let peak = taken.iter().rev().fold(leaf, join);
    (kept.len(), peak, kept.iter().rev().fold(peak, join))
}
