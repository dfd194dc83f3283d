//! The schemes, and the parameters of a key.

use serde::{Deserialize, Serialize};

use crate::error::{Refusal, Result};

/// A threshold signature scheme; the number is its place in message headers and sealed shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Scheme {
    EcdsaDkls23 = 1,
    Ed25519Frost = 2,
    Bip340Frost = 3,
}

impl Scheme {
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaDkls23 => "ecdsa-dkls23",
            Self::Ed25519Frost => "ed25519-frost",
            Self::Bip340Frost => "bip340-frost",
        }
    }

    /// Raises `scheme.unknown`.
    pub fn parse(name: &str) -> Result<Self> {
        [Self::EcdsaDkls23, Self::Ed25519Frost, Self::Bip340Frost]
            .into_iter()
            .find(|scheme| scheme.name() == name)
            .ok_or_else(|| Refusal::new("scheme.unknown", "no such threshold scheme"))
    }
}

/// n parties, any t of which sign; parties are numbered 1..=n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    pub n: u8,
    pub t: u8,
}

impl Parameters {
    /// Honest majority: t >= 2 and n >= 2t - 1; raises `key.parameters`.
    pub fn new(n: u8, t: u8) -> Result<Self> {
        if t < 2 || n > 32 || u16::from(n) < 2 * u16::from(t) - 1 {
            return Err(Refusal::new("key.parameters", format!("{t} of {n}: need t >= 2 and 2t - 1 <= n <= 32")));
        }
        Ok(Self { n, t })
    }

    pub fn everyone(self) -> Vec<u8> {
        (1..=self.n).collect()
    }
}
