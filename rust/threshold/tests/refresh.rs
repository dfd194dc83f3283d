//! Refresh: the same key, shares and children with fresh state; a run that breaks off leaves the old epoch.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;

use common::*;
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{Signature, VerifyingKey};
use strongroom_threshold::{Scheme, SignRequest};

fn codes(outcomes: &Outcomes) -> BTreeSet<&'static str> {
    refusals(outcomes).into_values().map(|refusal| refusal.code).collect()
}

fn signed(house: &House, keys: &Keys, id: u8, set: &[u8], path: &[u32]) -> ([u8; 64], Option<u8>) {
    signature(&run(house.sign(keys, id, set, &[9; 32], path), honest)[&set[0]])
}

fn verify(public_key: &[u8], bytes: [u8; 64]) {
    let key = VerifyingKey::from_sec1_bytes(public_key).unwrap();
    key.verify_prehash(&[9; 32], &Signature::from_slice(&bytes).unwrap()).unwrap();
}

/// The key that a signature of this digest recovers: of a child, its address.
fn recovered((bytes, id): ([u8; 64], Option<u8>)) -> VerifyingKey {
    let id = k256::ecdsa::RecoveryId::from_byte(id.unwrap()).unwrap();
    VerifyingKey::recover_from_prehash(&[9; 32], &Signature::from_slice(&bytes).unwrap(), id).unwrap()
}

#[test]
fn everything_public_stays_but_epoch_and_transcript() {
    for (n, t) in [(3, 2), (5, 3)] {
        let house = House::new(n);
        let old = house.key(Scheme::EcdsaDkls23, t);
        let new = keys(run(house.refresh(&old, 1), honest));
        for (index, key) in &new {
            let (before, after) = (&old[index].public, &key.public);
            assert_eq!((after.epoch, after.index), (before.epoch + 1, *index));
            assert_eq!(after.public_key, before.public_key);
            assert_eq!(after.verifying_shares, before.verifying_shares);
            assert_eq!(after.chain_code, before.chain_code);
            assert_eq!(after.transcript, new[&1].public.transcript);
            assert_ne!(after.transcript, before.transcript);
            assert_eq!(*house.vaults[index].inspect(&key.sealed).unwrap(), key.public);
        }
    }
}

/// Any set signs for root and children as before; twice, and after the vaults have dropped what they held.
#[test]
fn root_and_children_sign_under_the_old_keys() {
    let house = House::new(3);
    let old = house.key(Scheme::EcdsaDkls23, 2);
    let child = recovered(signed(&house, &old, 1, &[1, 2], &[44, 60, 7]));
    let mut key = old;
    for round in 2..4 {
        key = keys(run(house.refresh(&key, round), honest));
        house.vaults.values().for_each(strongroom_threshold::Vault::forget);
        for set in [[1, 2], [1, 3], [2, 3]] {
            verify(&key[&1].public.public_key, signed(&house, &key, round, &set, &[]).0);
            assert_eq!(recovered(signed(&house, &key, round, &set, &[44, 60, 7])), child);
        }
    }
}

#[test]
fn shares_of_two_epochs_make_no_session() {
    let house = House::new(3);
    let old = house.key(Scheme::EcdsaDkls23, 2);
    let new = keys(run(house.refresh(&old, 1), honest));
    let mut sessions = house.sign(&old, 1, &[1, 2], &[9; 32], &[]);
    sessions.insert(2, house.sign(&new, 1, &[1, 2], &[9; 32], &[]).remove(&2).unwrap());
    assert_eq!(codes(&run(sessions, honest)), BTreeSet::from(["session.binding"]));
    let request = SignRequest {
        sealed: &new[&1].sealed,
        session_id: [0; 32],
        participants: vec![1, 2],
        message: vec![9; 32],
        path: Vec::new(),
        epoch: 0,
    };
    assert_eq!(house.vaults[&1].sign(request).err().unwrap().code, "key.epoch");
}

#[test]
fn only_the_next_epoch_of_a_key_with_state_to_refresh() {
    let house = House::new(3);
    let key = house.key(Scheme::EcdsaDkls23, 2);
    for epoch in [0, 2, u32::MAX] {
        assert_eq!(house.vaults[&1].refresh(&key[&1].sealed, [1; 32], epoch).err().unwrap().code, "key.epoch");
    }
    for scheme in [Scheme::Ed25519Frost, Scheme::Bip340Frost] {
        let key = house.key(scheme, 2);
        assert_eq!(house.vaults[&1].refresh(&key[&1].sealed, [1; 32], 1).err().unwrap().code, "key.scheme");
    }
}

/// A share of another run of the same key (another transcript), or a key generation under the same id.
#[test]
fn parties_that_hold_other_shares_do_not_meet() {
    let house = House::new(3);
    let key = house.key(Scheme::EcdsaDkls23, 2);
    let other = house.key(Scheme::EcdsaDkls23, 2);
    let mut sessions = house.refresh(&key, 1);
    sessions.insert(3, house.vaults[&3].refresh(&other[&3].sealed, [1; 32], 1).unwrap());
    assert_eq!(codes(&run(sessions, honest)), BTreeSet::from(["session.binding"]));
    let mut sessions = house.refresh(&key, 1);
    sessions.insert(3, house.vaults[&3].keygen(Scheme::EcdsaDkls23, [1; 32], 3, 3, 2, 1).unwrap());
    assert_eq!(codes(&run(sessions, honest)), BTreeSet::from(["session.scheme"]));
}

/// The guards of key generation hold: another commitment for one party, another transcript at the end.
#[test]
fn a_refresh_in_which_somebody_lies_gives_nobody_a_share() {
    let house = House::new(3);
    let key = house.key(Scheme::EcdsaDkls23, 2);
    for target in [1, 3] {
        let outcomes = run(house.refresh(&key, 1), |round, wire| {
            for envelope in wire.iter_mut().filter(|e| round == target && e.from == 3 && e.to == 1 && e.broadcast) {
                let last = envelope.data.len() - 1;
                envelope.flip(last);
            }
        });
        assert_eq!(codes(&outcomes), BTreeSet::from(["session.broadcast_differs"]));
        verify(&key[&1].public.public_key, signed(&house, &key, 2, &[1, 3], &[]).0);
    }
    let outcomes = run(house.refresh(&key, 1), |round, wire| {
        for envelope in wire.iter_mut().filter(|e| round == 5 && e.from == 3) {
            let last = envelope.data.len() - 1;
            envelope.flip(last);
        }
    });
    for honest in [1, 2] {
        assert_eq!(outcomes[&honest].as_ref().err().unwrap().code, "key.transcript_differs");
    }
}
