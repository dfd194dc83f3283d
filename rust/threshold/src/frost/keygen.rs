//! Distributed key generation of FROST (<https://eprint.iacr.org/2020/852>, figure 1) behind a commitment round,
//! after the exchange of channel keys (`private`), which encrypt what is direct.
//!
//! | round | broadcast | direct |
//! |---|---|---|
//! | 1 | commitment to the package | – |
//! | 2 | package: polynomial commitment, proof of knowledge | – |
//! | 3 | – | secret share |
//! | 4 | transcript | – |
//!
//! The library sends the package at once; committing first keeps the last party from choosing its polynomial
//! after seeing the others', and binds the package to this session (its proof of knowledge is not).

use std::collections::BTreeMap;
use std::sync::Arc;

use frost_core::keys::dkg::{self, round1, round2};
use rand_core::OsRng;

use super::share::FrostShare;
use super::{Suite, decode, identifier, refusal};
use crate::commitment;
use crate::error::{Refusal, Result};
use crate::hash::Hash;
use crate::keygen::{Draft, confirm};
use crate::session::{Awaits, Phase, Round, Sends, Setup, Turn};

pub fn keygen<C: Suite>(setup: Arc<Setup>) -> Box<dyn Phase> {
    Box::new(Start::<C> { setup, suite: std::marker::PhantomData })
}

struct Start<C> {
    setup: Arc<Setup>,
    suite: std::marker::PhantomData<C>,
}

impl<C: Suite> Phase for Start<C> {
    fn awaits(&self) -> Awaits {
        Awaits::Nothing
    }

    fn run(self: Box<Self>, _: Round) -> Result<Turn> {
        let setup = self.setup;
        let (n, t) = (u16::from(setup.parameters.n), u16::from(setup.parameters.t));
        let (secret, package) = dkg::part1::<C, _>(identifier(setup.me)?, n, t, OsRng).map_err(refusal)?;
        let package = package.serialize().map_err(refusal)?;
        let (salt, commitment) = commitment::commit(&setup, &package)?;
        let opening = [&salt[..], &package].concat();
        Ok(Turn::Next(Box::new(Committed { setup, secret, opening }), Sends::broadcast(commitment.to_vec())))
    }
}

struct Committed<C: Suite> {
    setup: Arc<Setup>,
    secret: round1::SecretPackage<C>,
    opening: Vec<u8>,
}

impl<C: Suite> Phase for Committed<C> {
    fn awaits(&self) -> Awaits {
        Awaits::Broadcast
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { setup, secret, opening } = *self;
        let mut commitments = BTreeMap::new();
        for (sender, body) in round.broadcasts() {
            let commitment = Hash::try_from(body).map_err(|_| Refusal::malformed(sender, "commitment"))?;
            commitments.insert(sender, commitment);
        }
        Ok(Turn::Next(Box::new(Opened { setup, secret, commitments }), Sends::broadcast(opening)))
    }
}

struct Opened<C: Suite> {
    setup: Arc<Setup>,
    secret: round1::SecretPackage<C>,
    commitments: BTreeMap<u8, Hash>,
}

impl<C: Suite> Phase for Opened<C> {
    fn awaits(&self) -> Awaits {
        Awaits::Broadcast
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { setup, secret, commitments } = *self;
        let mut packages = BTreeMap::new();
        for (sender, body) in round.broadcasts() {
            let malformed = || Refusal::malformed(sender, "package");
            let (salt, package) = body.split_first_chunk::<32>().ok_or_else(malformed)?;
            let committed = commitments.get(&sender).ok_or_else(|| Refusal::internal("no commitment was kept"))?;
            commitment::open(&setup, sender, committed, salt, package)?;
            let package = decode(sender, "package", package, round1::Package::deserialize, round1::Package::serialize)?;
            packages.insert(identifier::<C>(sender)?, package);
        }
        let (secret, shares) = dkg::part2(secret, &packages).map_err(refusal)?;
        let direct = setup
            .peers()
            .map(|peer| {
                let share = shares.get(&identifier(peer)?).ok_or_else(|| Refusal::internal("no share for a peer"))?;
                Ok((peer, share.serialize().map_err(refusal)?))
            })
            .collect::<Result<_>>()?;
        Ok(Turn::Next(Box::new(Dealt { setup, secret, packages }), Sends::direct(direct)))
    }
}

struct Dealt<C: Suite> {
    setup: Arc<Setup>,
    secret: round2::SecretPackage<C>,
    packages: BTreeMap<frost_core::Identifier<C>, round1::Package<C>>,
}

impl<C: Suite> Phase for Dealt<C> {
    fn awaits(&self) -> Awaits {
        Awaits::Direct
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { setup, secret, packages } = *self;
        let mut shares = BTreeMap::new();
        for (sender, body) in round.directs() {
            let share = decode(sender, "share", body, round2::Package::deserialize, round2::Package::serialize)?;
            shares.insert(identifier::<C>(sender)?, share);
        }
        let (key, public) = dkg::part3(&secret, &packages, &shares).map_err(refusal)?;
        let share = FrostShare { key, public };
        let draft = Draft {
            public_key: C::public_key(share.public.verifying_key())?,
            verifying_shares: share.verifying_shares(setup.parameters.n)?,
            chain_code: None,
            share: Arc::new(share),
        };
        confirm(setup, round.view, draft)
    }
}
