//! A key share: its public description, and the secret part behind one trait.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Refusal, Result};
use crate::scheme::{Parameters, Scheme};
use crate::session::{Phase, Setup};
use crate::{dkls, frost};

/// Everything public about one party's share; the associated data under which the share is sealed.
///
/// `public_key`: 33 bytes compressed (ECDSA), 32 bytes (Ed25519), 32 bytes x-only (BIP-340).
/// `verifying_shares`: x_i·G of parties 1..=n, 33, 32 and 33 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPublic {
    pub scheme: Scheme,
    pub epoch: u32,
    pub index: u8,
    pub parameters: Parameters,
    pub public_key: Vec<u8>,
    pub verifying_shares: Vec<Vec<u8>>,
    pub chain_code: Option<[u8; 32]>,
    pub transcript: [u8; 32],
}

impl KeyPublic {
    /// This party's own verifying share; raises `share.tampered` when the list is too short.
    pub fn own_verifying_share(&self) -> Result<&[u8]> {
        let own = usize::from(self.index).checked_sub(1).and_then(|at| self.verifying_shares.get(at));
        own.map(Vec::as_slice).ok_or_else(|| Refusal::new("share.tampered", "no verifying share of this party"))
    }
}

/// The secret part of a share. Implementations wipe themselves on drop and never implement `Debug`.
pub trait SecretShare: Send + Sync {
    /// The plaintext that is sealed.
    fn encode(&self) -> Result<Zeroizing<Vec<u8>>>;

    /// Check x·G and the key against the public description; raises `share.tampered`.
    fn check(&self, public: &KeyPublic) -> Result<()>;

    /// The first phase of a signature over `message` by the key at `path` (BIP-32, non-hardened).
    fn sign(self: Arc<Self>, setup: Arc<Setup>, message: Vec<u8>, path: &[u32]) -> Result<Box<dyn Phase>>;

    /// The first phase of a refresh: what sessions wear out is made anew, the share itself stays.
    fn refresh(self: Arc<Self>, _: Arc<Setup>, _: Arc<KeyPublic>) -> Result<Box<dyn Phase>> {
        Err(Refusal::new("key.scheme", "keys of this scheme keep nothing that sessions wear out"))
    }
}

/// Decode the secret part of a sealed share and check it against its public description.
pub fn decode(public: &KeyPublic, plaintext: &[u8]) -> Result<Arc<dyn SecretShare>> {
    let share: Arc<dyn SecretShare> = match public.scheme {
        Scheme::EcdsaDkls23 => Arc::new(dkls::DklsShare::decode(plaintext)?),
        Scheme::Ed25519Frost => Arc::new(frost::FrostShare::<frost::Ed25519>::decode(plaintext)?),
        Scheme::Bip340Frost => Arc::new(frost::FrostShare::<frost::Bip340>::decode(plaintext)?),
    };
    share.check(public)?;
    Ok(share)
}

/// The first phase of a scheme's key generation, before it is made private.
pub fn keygen(setup: Arc<Setup>) -> Box<dyn Phase> {
    match setup.scheme {
        Scheme::EcdsaDkls23 => dkls::keygen(setup),
        Scheme::Ed25519Frost => frost::keygen::<frost::Ed25519>(setup),
        Scheme::Bip340Frost => frost::keygen::<frost::Bip340>(setup),
    }
}

pub fn tampered(message: &str) -> Refusal {
    Refusal::new("share.tampered", message)
}
