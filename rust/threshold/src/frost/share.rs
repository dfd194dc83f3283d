//! A FROST share: the key package (secret) and the public key package.

use std::collections::BTreeMap;
use std::sync::Arc;

use frost_core::keys::{KeyPackage, PublicKeyPackage, VerifyingShare};
use zeroize::Zeroizing;

use super::{Suite, identifier, refusal, sign};
use crate::error::{Refusal, Result};
use crate::session::{Phase, Setup};
use crate::share::{KeyPublic, SecretShare, tampered};

pub struct FrostShare<C: Suite> {
    /// Wipes itself on drop.
    pub key: KeyPackage<C>,
    pub public: PublicKeyPackage<C>,
}

impl<C: Suite> FrostShare<C> {
    pub fn decode(plaintext: &[u8]) -> Result<Self> {
        let broken = || tampered("the share does not decode");
        let (length, rest) = plaintext.split_first_chunk::<4>().ok_or_else(broken)?;
        let (key, public) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(broken)?;
        let key = KeyPackage::deserialize(key).map_err(|_| broken())?;
        let public = PublicKeyPackage::deserialize(public).map_err(|_| broken())?;
        Ok(Self { key, public })
    }

    /// Verifying shares of parties 1..=n.
    pub fn verifying_shares(&self, n: u8) -> Result<Vec<Vec<u8>>> {
        let known: &BTreeMap<_, VerifyingShare<C>> = self.public.verifying_shares();
        (1..=n)
            .map(|party| {
                let share = known.get(&identifier(party)?).ok_or_else(|| tampered("a verifying share is missing"))?;
                share.serialize().map_err(refusal)
            })
            .collect()
    }
}

impl<C: Suite> SecretShare for FrostShare<C> {
    fn encode(&self) -> Result<Zeroizing<Vec<u8>>> {
        let key = Zeroizing::new(self.key.serialize().map_err(refusal)?);
        let public = self.public.serialize().map_err(refusal)?;
        let length = u32::try_from(key.len()).map_err(|_| Refusal::internal("the share does not encode"))?;
        let mut out = Zeroizing::new(Vec::with_capacity(4 + key.len() + public.len()));
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&key);
        out.extend_from_slice(&public);
        Ok(out)
    }

    fn check(&self, public: &KeyPublic) -> Result<()> {
        let own_point = VerifyingShare::<C>::from(*self.key.signing_share()).serialize().map_err(refusal)?;
        let consistent = *self.key.identifier() == identifier(public.index)?
            && u16::from(public.parameters.t) == *self.key.min_signers()
            && self.public.min_signers() == Some(u16::from(public.parameters.t))
            && self.public.max_signers() == u16::from(public.parameters.n)
            && self.key.verifying_key() == self.public.verifying_key()
            && C::public_key(self.public.verifying_key())? == public.public_key
            && self.verifying_shares(public.parameters.n)? == public.verifying_shares
            && own_point == public.own_verifying_share()?;
        if consistent { Ok(()) } else { Err(tampered("the share does not belong to the key it was sealed for")) }
    }

    fn sign(self: Arc<Self>, setup: Arc<Setup>, message: Vec<u8>, path: &[u32]) -> Result<Box<dyn Phase>> {
        if !path.is_empty() {
            return Err(Refusal::new("path.unsupported", "FROST keys sign at their root only"));
        }
        Ok(sign::first(setup, self, message))
    }
}
