//! A DKLs23 share: the library's party state, about 52 kB for each counterparty.

use std::sync::Arc;

use k256::{AffinePoint, ProjectivePoint};
use zeroize::Zeroizing;

use super::refresh::Held;
use super::{Party, decode, index, keygen, point_bytes, sign};
use crate::error::{Refusal, Result};
use crate::session::{Phase, Setup};
use crate::share::{KeyPublic, SecretShare, tampered};

/// Sealed size for each counterparty, rounded up: the encoder never has to grow (and leave copies behind).
const BYTES_PER_PARTY: usize = 64 * 1024;
/// A BIP-32 path of an account's address has five steps.
const MAX_PATH: usize = 16;

/// The inner party wipes itself on drop.
pub struct DklsShare(pub Arc<Party>);

impl DklsShare {
    pub fn decode(plaintext: &[u8]) -> Result<Self> {
        let party: Party = decode(0, "share", plaintext).map_err(|_| tampered("the share does not decode"))?;
        Ok(Self(Arc::new(party)))
    }
}

impl SecretShare for DklsShare {
    fn encode(&self) -> Result<Zeroizing<Vec<u8>>> {
        let buffer = Vec::with_capacity(BYTES_PER_PARTY * usize::from(self.0.parameters.share_count));
        postcard::to_extend(&*self.0, buffer)
            .map(Zeroizing::new)
            .map_err(|_| Refusal::internal("the share does not encode"))
    }

    fn check(&self, public: &KeyPublic) -> Result<()> {
        let party = &*self.0;
        let derivation = &party.derivation_data;
        let own_point: AffinePoint = (ProjectivePoint::GENERATOR * party.poly_point).into();
        let consistent = party.party_index.as_u8() == public.index
            && party.parameters.threshold == public.parameters.t
            && party.parameters.share_count == public.parameters.n
            && public.verifying_shares.len() == usize::from(public.parameters.n)
            && point_bytes(&party.pk) == public.public_key
            && derivation.depth == 0
            && derivation.pk == party.pk
            && derivation.poly_point == party.poly_point
            && Some(derivation.chain_code) == public.chain_code
            && point_bytes(&own_point) == public.own_verifying_share()?;
        if consistent { Ok(()) } else { Err(tampered("the share does not belong to the key it was sealed for")) }
    }

    fn sign(self: Arc<Self>, setup: Arc<Setup>, message: Vec<u8>, path: &[u32]) -> Result<Box<dyn Phase>> {
        let digest = <[u8; 32]>::try_from(message)
            .map_err(|_| Refusal::new("session.digest", "ECDSA signs a digest of 32 bytes"))?;
        let counterparties = setup.peers().map(index).collect::<Result<Vec<_>>>()?;
        let party = if path.is_empty() { Arc::clone(&self.0) } else { Arc::new(child(&self.0, path)?) };
        Ok(sign::first(setup, party, counterparties, digest))
    }

    fn refresh(self: Arc<Self>, setup: Arc<Setup>, public: Arc<KeyPublic>) -> Result<Box<dyn Phase>> {
        Ok(keygen::refresh(setup, Held { party: Arc::clone(&self.0), public }))
    }
}

/// The party of a BIP-32 child. Children share the root's oblivious-transfer state: bans are per root key.
fn child(root: &Party, path: &[u32]) -> Result<Party> {
    if path.len() > MAX_PATH || path.iter().any(|&step| step >= 1 << 31) {
        return Err(Refusal::new(
            "path.hardened",
            "a threshold key derives at most 16 non-hardened steps (below 2^31)",
        ));
    }
    let text = path.iter().fold(String::from("m"), |text, step| format!("{text}/{step}"));
    root.derive_from_path(&text, |_| String::new())
        .map_err(|_| Refusal::new("path.invalid", "BIP-32 has no key at this path"))
}

#[cfg(test)]
mod tests {
    use dkls23_core::protocols::derivation::DerivData;
    use k256::elliptic_curve::sec1::FromSec1Point;
    use k256::{Scalar, Sec1Point, Secp256k1};
    use serde_json::Value;

    use super::*;

    /// BIP-32, test vector 2: the library's children are everybody's children.
    #[test]
    fn bip_32_public_derivation() {
        let vector: Value = serde_json::from_str(include_str!("../../../../tests/vectors/bip32.json")).unwrap();
        let bytes = |node: &str, field: &str| hex::decode(vector[node][field].as_str().unwrap()).unwrap();
        let point = Sec1Point::from_bytes(bytes("parent", "public_key")).unwrap();
        let root = DerivData::<Secp256k1> {
            depth: 0,
            child_number: 0,
            parent_fingerprint: [0; 4],
            poly_point: Scalar::ONE,
            pk: AffinePoint::from_sec1_point(&point).unwrap(),
            chain_code: bytes("parent", "chain_code").try_into().unwrap(),
        };
        let child = root.derive_from_path(&format!("m/{}", vector["child_number"])).unwrap();
        assert_eq!(point_bytes(&child.pk), bytes("child", "public_key"));
        assert_eq!(child.chain_code.to_vec(), bytes("child", "chain_code"));
    }
}
