//! Signing (RFC 9591 §5): nonce commitments, then signature shares, aggregated by every participant.
//!
//! Nonces live in memory only. The phase that uses them owns them and is consumed: they are gone before the
//! signature share they made can leave, and no second message can ever be signed with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use frost_core::round1::{self, SigningCommitments, SigningNonces};
use frost_core::round2::{self, SignatureShare};
use frost_core::{Identifier, SigningPackage, aggregate};
use rand_core::OsRng;

use super::share::FrostShare;
use super::{Suite, decode, identifier, refusal};
use crate::error::{Refusal, Result};
use crate::session::{Awaits, Output, Phase, Round, Sends, Setup, Turn};

pub fn first<C: Suite>(setup: Arc<Setup>, share: Arc<FrostShare<C>>, message: Vec<u8>) -> Box<dyn Phase> {
    Box::new(First { setup, share, message })
}

struct First<C: Suite> {
    setup: Arc<Setup>,
    share: Arc<FrostShare<C>>,
    message: Vec<u8>,
}

impl<C: Suite> Phase for First<C> {
    fn awaits(&self) -> Awaits {
        Awaits::Nothing
    }

    fn run(self: Box<Self>, _: Round) -> Result<Turn> {
        let Self { setup, share, message } = *self;
        let (nonces, _) = round1::commit::<C, _>(share.key.signing_share(), &mut OsRng);
        second(setup, share, message, nonces)
    }
}

/// Publish the nonces' commitments and wait for the others'.
pub fn second<C: Suite>(
    setup: Arc<Setup>,
    share: Arc<FrostShare<C>>,
    message: Vec<u8>,
    nonces: SigningNonces<C>,
) -> Result<Turn> {
    let broadcast = nonces.commitments().serialize().map_err(refusal)?;
    Ok(Turn::Next(Box::new(Second { setup, share, message, nonces }), Sends::broadcast(broadcast)))
}

struct Second<C: Suite> {
    setup: Arc<Setup>,
    share: Arc<FrostShare<C>>,
    message: Vec<u8>,
    nonces: SigningNonces<C>,
}

impl<C: Suite> Phase for Second<C> {
    fn awaits(&self) -> Awaits {
        Awaits::Broadcast
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { setup, share, message, nonces } = *self;
        let me = identifier(setup.me)?;
        let mut all = BTreeMap::from([(me, *nonces.commitments())]);
        for (sender, body) in round.broadcasts() {
            let theirs = decode(
                sender,
                "nonce commitment",
                body,
                SigningCommitments::deserialize,
                SigningCommitments::serialize,
            )?;
            all.insert(identifier(sender)?, theirs);
        }
        let package = SigningPackage::new(all, &message);
        let signed = round2::sign(&package, &nonces, &share.key).map_err(refusal);
        drop(nonces);
        let own = signed?;
        let broadcast = own.serialize();
        let shares = BTreeMap::from([(me, own)]);
        Ok(Turn::Next(Box::new(Third { share, package, shares }), Sends::broadcast(broadcast)))
    }
}

struct Third<C: Suite> {
    share: Arc<FrostShare<C>>,
    package: SigningPackage<C>,
    shares: BTreeMap<Identifier<C>, SignatureShare<C>>,
}

impl<C: Suite> Phase for Third<C> {
    fn awaits(&self) -> Awaits {
        Awaits::Broadcast
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { share, package, mut shares } = *self;
        for (sender, body) in round.broadcasts() {
            let theirs =
                decode(sender, "signature share", body, SignatureShare::deserialize, |share| Ok(share.serialize()))?;
            shares.insert(identifier(sender)?, theirs);
        }
        // Verifies the signature, and names the party whose share is wrong if it does not.
        let signature = aggregate(&package, &shares, &share.public).map_err(refusal)?;
        let bytes =
            signature.serialize().map_err(refusal)?.try_into().map_err(|_| Refusal::internal("signature length"))?;
        Ok(Turn::Done(Output::Signature { bytes, recovery_id: None }))
    }
}
