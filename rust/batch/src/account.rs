//! Accounts of EVM chains: who has signed, recovered from the signature.

use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use sha3::{Digest, Keccak256};

use crate::proof::{Proof, proof};

/// Keccak-256, Ethereum's hash.
pub fn keccak256(data: &[u8]) -> [u8; 32] {
    Keccak256::digest(data).into()
}

/// That the signature (r || s) over the digest is by this account (0x and lower-case hex), with its parity of R.y.
pub fn prove(digest: [u8; 32], signature: &[u8; 64], parity: u8) -> Option<(String, Proof)> {
    let recovery = RecoveryId::try_from(i32::from(parity)).ok()?;
    let parsed = RecoverableSignature::from_compact(signature, recovery).ok()?;
    let key = parsed.recover(Message::from_digest(digest)).ok()?.serialize_uncompressed();
    let hashed = keccak256(key.get(1..)?);
    let account = hashed.get(12..)?.iter().fold(String::from("0x"), |hex, byte| format!("{hex}{byte:02x}"));
    let proof = proof("secp256k1", &[&digest, signature, &[parity], account.as_bytes()]);
    Some((account, proof))
}
