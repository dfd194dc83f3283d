//! Honest parties: keys that agree, signatures that verify, whoever signs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use strongroom_threshold::{Outcome, Progress, Scheme};

fn verify_ecdsa(public_key: &[u8], digest: &[u8], (bytes, recovery_id): ([u8; 64], Option<u8>)) {
    let key = VerifyingKey::from_sec1_bytes(public_key).unwrap();
    let signature = Signature::from_slice(&bytes).unwrap();
    key.verify_prehash(digest, &signature).unwrap();
    assert_eq!(signature.normalize_s(), signature, "high s");
    let id = RecoveryId::from_byte(recovery_id.unwrap()).unwrap();
    assert_eq!(VerifyingKey::recover_from_prehash(digest, &signature, id).unwrap(), key);
}

fn agree(keys: &Keys) {
    let first = &keys[&1].public;
    for (index, key) in keys {
        assert_eq!(key.public.index, *index);
        assert_eq!(key.public.transcript, first.transcript);
        assert_eq!(key.public.public_key, first.public_key);
        assert_eq!(key.public.verifying_shares, first.verifying_shares);
        assert_eq!(key.public.chain_code, first.chain_code);
    }
}

#[test]
fn two_of_three_signs_with_every_pair() {
    for scheme in SCHEMES {
        let house = House::new(3);
        let keys = house.key(scheme, 2);
        agree(&keys);
        for (id, pair) in [[1, 2], [1, 3], [2, 3]].into_iter().enumerate() {
            let outcomes = run(house.sign(&keys, id as u8, &pair, &[9; 32], &[]), honest);
            let (first, second) = (signature(&outcomes[&pair[0]]), signature(&outcomes[&pair[1]]));
            assert_eq!(first, second);
            if scheme == Scheme::EcdsaDkls23 {
                verify_ecdsa(&keys[&1].public.public_key, &[9; 32], first);
            }
        }
    }
}

#[test]
fn three_of_five_signs() {
    for scheme in SCHEMES {
        let house = House::new(5);
        let keys = house.key(scheme, 3);
        agree(&keys);
        for (id, set) in [[1, 2, 3], [1, 4, 5]].into_iter().enumerate() {
            let outcomes = run(house.sign(&keys, id as u8, &set, &[8; 32], &[]), honest);
            let signed = signature(&outcomes[&1]);
            if scheme == Scheme::EcdsaDkls23 {
                verify_ecdsa(&keys[&1].public.public_key, &[8; 32], signed);
            }
        }
    }
}

/// All signers see the same phases as probes: the second and the third of DKLs23, none of FROST.
#[test]
fn probes_are_announced() {
    for scheme in SCHEMES {
        let house = House::new(3);
        let keys = house.key(scheme, 2);
        let mut sessions = house.sign(&keys, 1, &[1, 2], &[9; 32], &[]);
        let mut inboxes: [Vec<strongroom_threshold::Incoming>; 2] = Default::default();
        let mut announced = Vec::new();
        'rounds: loop {
            let mut next: [Vec<strongroom_threshold::Incoming>; 2] = Default::default();
            announced.push(sessions[&1].next_step_is_probe());
            for index in [1u8, 2] {
                let inbox = std::mem::take(&mut inboxes[usize::from(index - 1)]);
                match sessions.get_mut(&index).unwrap().step(inbox).unwrap() {
                    Progress::Done(Outcome::Signature(_)) if index == 2 => break 'rounds,
                    Progress::Done(_) => {}
                    Progress::Send(messages) => {
                        for message in messages {
                            let (broadcast, data) = (message.recipient.is_none(), message.data);
                            next[usize::from(2 - index)].push(strongroom_threshold::Incoming {
                                sender: index,
                                broadcast,
                                data,
                            });
                        }
                    }
                }
            }
            inboxes = next;
        }
        let expected: &[bool] =
            if scheme == Scheme::EcdsaDkls23 { &[false, true, true, false] } else { &[false, false, false] };
        assert_eq!(announced, expected, "{}", scheme.name());
    }
}
