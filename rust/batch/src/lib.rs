//! What is slow about reading a log and needs no interpreter: canonical form, leaf hashes, Ed25519 signatures.
//!
//! Everything here answers "yes" or "not by this way", never "no": what is not accepted here is judged, and refused
//! with its reason, by the Python that this crate only speeds up. So a verdict never depends on who was asked.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod account;
mod entry;
mod json;
mod proof;
mod signature;
mod tree;

pub use account::keccak256;
pub use entry::{Prepared, Signers, prepare};
pub use json::{Value, parse};
pub use tree::grow;
