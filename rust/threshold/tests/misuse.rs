//! Wrong calls and damaged files: a code each.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use common::*;
use strongroom_threshold::{Incoming, Scheme, SignRequest, Vault};

#[test]
fn parameters_need_an_honest_majority() {
    let house = House::new(1);
    for (n, t) in [(3, 1), (3, 0), (1, 1), (2, 2), (4, 3), (0, 0), (3, 4), (33, 2)] {
        let refused = house.vaults[&1].keygen(Scheme::Ed25519Frost, [0; 32], 1, n, t, 0).err().unwrap();
        assert_eq!(refused.code, "key.parameters", "{t} of {n}");
    }
    for index in [0, 4] {
        let refused = house.vaults[&1].keygen(Scheme::Ed25519Frost, [0; 32], index, 3, 2, 0).err().unwrap();
        assert_eq!(refused.code, "session.participants");
    }
}

#[test]
fn signing_takes_exactly_t_known_participants_one_epoch_and_a_digest() {
    for scheme in SCHEMES {
        let house = House::new(3);
        let keys = house.key(scheme, 2);
        let try_to = |participants: &[u8], message: &[u8], path: &[u32], epoch: u32| {
            let request = SignRequest {
                sealed: &keys[&1].sealed,
                session_id: [0; 32],
                participants: participants.to_vec(),
                message: message.to_vec(),
                path: path.to_vec(),
                epoch,
            };
            house.vaults[&1].sign(request).err().map(|refusal| refusal.code)
        };
        for wrong in [&[1][..], &[1, 2, 3], &[1, 1], &[2, 1], &[2, 3], &[1, 4], &[0, 1]] {
            assert_eq!(try_to(wrong, &[0; 32], &[], 0), Some("session.participants"), "{wrong:?}");
        }
        assert_eq!(try_to(&[1, 2], &[0; 32], &[], 1), Some("key.epoch"));
        assert_eq!(try_to(&[1, 2], &[], &[], 0), Some("session.digest"));
        let (digest_of_33, path) = (try_to(&[1, 2], &[0; 33], &[], 0), try_to(&[1, 2], &[0; 32], &[1 << 31], 0));
        match scheme {
            Scheme::EcdsaDkls23 => assert_eq!((digest_of_33, path), (Some("session.digest"), Some("path.hardened"))),
            Scheme::Ed25519Frost => assert_eq!((digest_of_33, path), (None, Some("path.unsupported"))),
            Scheme::Bip340Frost => assert_eq!((digest_of_33, path), (Some("session.digest"), Some("path.unsupported"))),
        }
    }
}

#[test]
fn a_session_that_ended_stays_ended() {
    let house = House::new(3);
    let mut session = house.vaults[&1].keygen(Scheme::Ed25519Frost, [0; 32], 1, 3, 2, 0).unwrap();
    session.step(Vec::new()).unwrap();
    let noise = vec![Incoming { sender: 2, broadcast: true, data: vec![1; 100] }];
    assert_eq!(session.step(noise).err().unwrap().code, "session.scheme");
    assert_eq!(session.step(Vec::new()).err().unwrap().code, "session.finished");
    assert!(!session.next_step_is_probe());
}

#[test]
fn the_first_step_takes_no_messages() {
    let house = House::new(3);
    let mut session = house.vaults[&1].keygen(Scheme::Ed25519Frost, [0; 32], 1, 3, 2, 0).unwrap();
    let mut other = house.vaults[&2].keygen(Scheme::Ed25519Frost, [0; 32], 2, 3, 2, 0).unwrap();
    let strongroom_threshold::Progress::Send(messages) = other.step(Vec::new()).unwrap() else { panic!("no messages") };
    let early = messages.into_iter().map(|m| Incoming { sender: 2, broadcast: true, data: m.data }).collect();
    assert_eq!(session.step(early).err().unwrap().code, "session.wrong_round");
}

/// One byte changed anywhere, cut or stretched, and a share opens nowhere; nor does it in another's vault.
#[test]
fn sealed_shares_are_authenticated_as_a_whole() {
    for scheme in [Scheme::Ed25519Frost, Scheme::Bip340Frost] {
        let house = House::new(3);
        let keys = house.key(scheme, 2);
        let sealed = &keys[&1].sealed;
        assert_eq!(*house.vaults[&1].inspect(sealed).unwrap(), keys[&1].public);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 0x40;
            assert_eq!(house.vaults[&1].inspect(&changed).err().unwrap().code, "share.tampered", "byte {at}");
        }
        for length in [0, 1, 8, 12, 40, sealed.len() - 1] {
            assert_eq!(house.vaults[&1].inspect(&sealed[..length]).err().unwrap().code, "share.tampered");
        }
        assert_eq!(house.vaults[&2].inspect(sealed).err().unwrap().code, "share.tampered");
    }
}

/// A share survives a restart of its vault, and opens again after the cache was emptied.
#[test]
fn a_vault_opens_again() {
    let house = House::new(3);
    let keys = house.key(Scheme::EcdsaDkls23, 2);
    let again = Vault::open(house.directories[&1].path()).unwrap();
    assert_eq!(*again.inspect(&keys[&1].sealed).unwrap(), keys[&1].public);
    again.forget();
    assert_eq!(*again.inspect(&keys[&1].sealed).unwrap(), keys[&1].public);
}

#[test]
fn the_seal_key_is_private_whole_and_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let vault = directory.path().join("vault");
    Vault::open(&vault).unwrap();
    let path = vault.join("seal.key");
    let key = fs::read(&path).unwrap();
    assert_eq!(key.len(), 32);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&vault).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(&vault).unwrap().count(), 1, "nothing temporary is left");
    Vault::open(&vault).unwrap();
    assert_eq!(fs::read(&path).unwrap(), key);

    let code = || Vault::open(&vault).err().unwrap().code;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(code(), "vault.key_mode");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, [0; 31]).unwrap();
    assert_eq!(code(), "vault.key_malformed");
    fs::rename(&path, vault.join("elsewhere")).unwrap();
    symlink(vault.join("elsewhere"), &path).unwrap();
    assert_eq!(code(), "vault.key_unreadable");
}
