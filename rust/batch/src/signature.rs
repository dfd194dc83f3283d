//! One Ed25519 signature, verified alone.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::proof::{Proof, proof};

/// The proof, once the signature is strictly valid: S reduced, R and key canonical and of large order, and the
/// equation without cofactor. That is a subset of what any verifier after RFC 8032 accepts. Signatures are never
/// summed: a sum with a cofactor takes pairs of signatures that would each be refused alone.
pub fn prove(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Option<Proof> {
    let parsed = Signature::from_slice(signature).ok()?;
    key.verify_strict(message, &parsed).ok()?;
    Some(proof("ed25519", &[key.as_bytes(), signature, message]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    fn proves(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let key = VerifyingKey::from_bytes(public.try_into().unwrap());
        key.is_ok_and(|key| prove(&key, message, signature).is_some())
    }

    #[test]
    fn only_valid_signatures_are_proven() {
        // RFC 8032 §7.1, TEST 2
        let public = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = bytes(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        assert!(proves(&public, b"\x72", &signature));
        assert!(!proves(&public, b"\x73", &signature));
        assert!(!proves(&public, b"\x72", &signature[..63]));
        for at in 0..64 {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            assert!(!proves(&public, b"\x72", &flipped), "byte {at}");
        }
    }

    #[test]
    fn a_key_of_small_order_proves_nothing() {
        let neutral = bytes("0100000000000000000000000000000000000000000000000000000000000000");
        let mut signature = neutral.clone();
        signature.extend([0; 32]);
        assert!(!proves(&neutral, b"anything", &signature));
    }
}
