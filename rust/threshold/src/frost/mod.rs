//! FROST (RFC 9591) for Ed25519 and, with the -tr suite, BIP-340, by the Zcash Foundation's crates.
//!
//! The code is one for both curves; a [`Suite`] says where they differ.

mod keygen;
mod share;
mod sign;
#[cfg(test)]
mod vectors;

use frost_core::{Ciphersuite, Error, Identifier, VerifyingKey};
use zeroize::Zeroizing;

use crate::error::{Refusal, Result};

pub use frost_ed25519::Ed25519Sha512 as Ed25519;
pub use frost_secp256k1_tr::Secp256K1Sha256TR as Bip340;
pub use keygen::keygen;
pub use share::FrostShare;

/// A ciphersuite and the form of its public keys outside.
pub trait Suite: Ciphersuite {
    fn public_key(key: &VerifyingKey<Self>) -> Result<Vec<u8>>;
}

impl Suite for Ed25519 {
    /// 32 bytes (RFC 8032 §5.1.2).
    fn public_key(key: &VerifyingKey<Self>) -> Result<Vec<u8>> {
        key.serialize().map_err(refusal)
    }
}

impl Suite for Bip340 {
    /// 32 bytes, x-only (BIP-340). The library's key generation has already added the empty BIP-341 tweak to
    /// it; the house takes the result as a plain internal key and tweaks again where an output key is due.
    fn public_key(key: &VerifyingKey<Self>) -> Result<Vec<u8>> {
        let compressed = key.serialize().map_err(refusal)?;
        compressed.get(1..).map(<[u8]>::to_vec).ok_or_else(|| Refusal::internal("a public key is too short"))
    }
}

fn identifier<C: Ciphersuite>(index: u8) -> Result<Identifier<C>> {
    Identifier::try_from(u16::from(index)).map_err(refusal)
}

/// The library's errors as refusals; it names culprits where it can.
fn refusal<C: Ciphersuite>(error: Error<C>) -> Refusal {
    let code = match error {
        Error::InvalidProofOfKnowledge { .. } => "key.proof",
        Error::InvalidSecretShare { .. } | Error::IncorrectNumberOfCommitments | Error::InvalidCoefficient => {
            "key.polynomial"
        }
        Error::InvalidSignatureShare { .. } | Error::InvalidSignature => "session.signature",
        Error::IdentityCommitment => "session.commitment",
        Error::DeserializationError | Error::FieldError(_) | Error::GroupError(_) => "session.malformed",
        _ => "session.aborted",
    };
    let culprits: Vec<u8> =
        error.culprits().iter().filter_map(|culprit| (1..=255).find(|&i| identifier(i) == Ok(*culprit))).collect();
    Refusal { code, message: error.to_string(), culprits }
}

/// Decode a whole body in its one encoding: the library's decoder would ignore bytes left over.
fn decode<C: Ciphersuite, T>(
    sender: u8,
    what: &str,
    body: &[u8],
    decode: impl FnOnce(&[u8]) -> std::result::Result<T, Error<C>>,
    encode: impl FnOnce(&T) -> std::result::Result<Vec<u8>, Error<C>>,
) -> Result<T> {
    let value = decode(body).map_err(|_| Refusal::malformed(sender, what))?;
    let again = Zeroizing::new(encode(&value).map_err(|_| Refusal::malformed(sender, what))?);
    if *again == body { Ok(value) } else { Err(Refusal::malformed(sender, what)) }
}
