//! Threshold key generation and signing without I/O.
//!
//! Every protocol is a chain of [`session::Phase`]s driven by one [`session::Session`]: messages in, messages
//! out, at the end a key or a signature. The driver checks everything that is the same for all protocols
//! (who speaks, in which session and round, how much, and that a broadcast reached everybody alike); a phase
//! sees only bodies that passed.
//!
//! - `dkls`: DKLs23 threshold ECDSA on secp256k1 (<https://eprint.iacr.org/2023/765>)
//! - `frost`: FROST for Ed25519 and BIP-340 (RFC 9591)
//! - `private`: what key generation sends directly, encrypted from core to core
//! - `vault`: shares at rest, sealed before they leave this crate
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

#[cfg(test)]
mod cheats;
mod commitment;
mod dkls;
mod error;
pub mod frame;
mod frost;
mod guard;
mod hash;
mod keygen;
mod private;
mod scheme;
mod seal;
pub mod session;
mod share;
mod vault;

pub use error::Refusal;
pub use guard::guarded;
pub use scheme::{Parameters, Scheme};
pub use session::{Incoming, Outgoing, Session};
pub use share::KeyPublic;
pub use vault::{Keygen, Outcome, Progress, SignRequest, Signature, Vault, VaultSession};
