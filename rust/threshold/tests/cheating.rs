//! Party 3, or the relay, cheats: nobody gets a key, nobody is blamed for what another did.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;

use common::*;
use strongroom_threshold::{Refusal, Scheme};

fn codes(refusals: impl IntoIterator<Item = Refusal>) -> BTreeSet<&'static str> {
    refusals.into_iter().map(|refusal| refusal.code).collect()
}

/// The rounds of key generation that carry commitments and openings; round 1 carries channel keys.
fn broadcast_rounds(scheme: Scheme) -> [u8; 2] {
    if scheme == Scheme::EcdsaDkls23 { [3, 4] } else { [2, 3] }
}

/// A channel key or a commitment that differs for one party: the next round's views differ.
#[test]
fn an_equivocated_broadcast_stops_everybody() {
    for scheme in SCHEMES {
        for target in [1, broadcast_rounds(scheme)[0]] {
            let house = House::new(3);
            let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
                for envelope in wire.iter_mut().filter(|e| round == target && e.from == 3 && e.to == 1 && e.broadcast) {
                    let last = envelope.data.len() - 1;
                    envelope.flip(last);
                }
            });
            let seen = codes(refusals(&outcomes).into_values());
            assert_eq!(seen, BTreeSet::from(["session.broadcast_differs"]), "{}, round {target}", scheme.name());
        }
    }
}

/// An opening that differs for one party does not open there; the others miss that party and stop as well.
#[test]
fn an_equivocated_opening_stops_everybody() {
    for scheme in SCHEMES {
        let house = House::new(3);
        let openings = broadcast_rounds(scheme)[1];
        let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
            for envelope in wire.iter_mut().filter(|e| round == openings && e.from == 3 && e.to == 1 && e.broadcast) {
                envelope.flip(90);
            }
        });
        let refusals = refusals(&outcomes);
        assert_eq!((refusals[&1].code, &refusals[&1].culprits[..]), ("key.commitment", &[3][..]));
        assert_eq!(codes([refusals[&2].clone(), refusals[&3].clone()]), BTreeSet::from(["session.count"]));
    }
}

/// Party 3 sends what party 1 sent, commitment and proof, under its own name and with the right headers.
#[test]
fn a_copied_proof_does_not_open() {
    for scheme in SCHEMES {
        let house = House::new(3);
        let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
            if !broadcast_rounds(scheme).contains(&round) {
                return;
            }
            let original = wire.iter().find(|e| e.from == 1 && e.broadcast).unwrap().clone();
            for envelope in wire.iter_mut().filter(|e| e.from == 3) {
                let mut header = envelope.header();
                header.view = original.header().view;
                let body = if envelope.broadcast { original.body() } else { envelope.body() };
                envelope.rewrite(&header, &body);
            }
        });
        let refusals = refusals(&outcomes);
        for honest in [1, 2] {
            assert_eq!(
                (refusals[&honest].code, &refusals[&honest].culprits[..]),
                ("key.commitment", &[3][..]),
                "{}",
                scheme.name()
            );
        }
    }
}

#[test]
fn a_late_commitment_is_not_waited_for() {
    for scheme in SCHEMES {
        let house = House::new(3);
        let commitments = broadcast_rounds(scheme)[0];
        let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
            if round == commitments {
                wire.retain(|e| !(e.from == 3 && e.broadcast));
            }
        });
        let refusals = refusals(&outcomes);
        assert_eq!(codes([refusals[&1].clone(), refusals[&2].clone()]), BTreeSet::from(["session.count"]));
    }
}

/// A commitment of the right round delivered one round later is a message of the wrong round.
#[test]
fn a_message_of_another_round_is_refused() {
    for scheme in SCHEMES {
        let house = House::new(3);
        let first = broadcast_rounds(scheme)[0];
        let mut kept = Vec::new();
        let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
            if round == first {
                kept = wire.iter().filter(|e| e.from == 3 && e.broadcast).cloned().collect();
            } else if round == first + 1 {
                wire.retain(|e| !(e.from == 3 && e.broadcast));
                wire.append(&mut kept);
            }
        });
        let refusals = refusals(&outcomes);
        assert_eq!(codes([refusals[&1].clone(), refusals[&2].clone()]), BTreeSet::from(["session.wrong_round"]));
    }
}

/// What parties deal is encrypted from core to core: whoever carries it reads nothing and changes nothing.
#[test]
fn a_changed_direct_message_does_not_open() {
    for (scheme, target) in [(Scheme::EcdsaDkls23, 2), (Scheme::Ed25519Frost, 4), (Scheme::Bip340Frost, 4)] {
        let house = House::new(3);
        let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
            for envelope in wire.iter_mut().filter(|e| round == target && e.from == 3 && e.to == 1) {
                assert!(!envelope.broadcast);
                let last = envelope.data.len() - 1;
                envelope.flip(last);
            }
        });
        assert_eq!(refusals(&outcomes)[&1].code, "session.malformed");
    }
}

#[test]
fn a_chain_code_that_was_not_committed_names_its_author() {
    let house = House::new(3);
    let outcomes = run(house.keygen(Scheme::EcdsaDkls23, 1, 2), |round, wire| {
        for envelope in wire.iter_mut().filter(|e| round == 4 && e.from == 3 && e.broadcast) {
            let last = envelope.data.len() - 1;
            envelope.flip(last);
        }
    });
    let refusals = refusals(&outcomes);
    for honest in [1, 2] {
        assert_eq!((refusals[&honest].code, &refusals[&honest].culprits[..]), ("key.chain_code", &[3][..]));
    }
}

/// The last word of a key generation: one party that says another transcript leaves everybody without a key.
#[test]
fn another_transcript_gives_no_key() {
    for scheme in SCHEMES {
        let house = House::new(3);
        let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
            for envelope in wire.iter_mut().filter(|e| round == 5 && e.from == 3) {
                let last = envelope.data.len() - 1;
                envelope.flip(last);
            }
        });
        for honest in [1, 2] {
            let refusal = outcomes[&honest].as_ref().err().unwrap();
            assert_eq!(refusal.code, "key.transcript_differs");
        }
    }
}

/// Every header field, changed by the relay in the first round, is refused with its own code and nobody blamed.
#[test]
fn every_header_field_is_checked() {
    type Change = fn(&mut Envelope);
    let cases: [(&str, Change); 11] = [
        ("session.version", |e| e.data[0] = 2),
        ("session.scheme", |e| e.data[1] ^= 3),
        ("session.scheme", |e| e.data[2] ^= 3),
        ("session.wrong_round", |e| e.data[3] += 1),
        ("session.sender", |e| e.data[4] = 1),
        ("session.sender", |e| e.data[4] = 2),
        ("session.recipient", |e| e.data[5] ^= 2),
        ("session.wrong_session", |e| e.data[6] ^= 1),
        ("session.binding", |e| e.data[40] ^= 1),
        ("session.malformed", |e| e.data.truncate(69)),
        ("session.too_large", |e| e.data.resize(256 * 1024 + 1, 0)),
    ];
    for scheme in SCHEMES {
        for (code, change) in cases {
            let house = House::new(3);
            let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
                wire.iter_mut().filter(|e| round == 1 && e.from == 3 && e.to == 1).for_each(change);
            });
            let refusal = &refusals(&outcomes)[&1];
            assert_eq!((refusal.code, refusal.culprits.len()), (code, 0), "{}", scheme.name());
        }
    }
}

#[test]
fn duplicates_extras_and_own_words_are_refused() {
    type Change = fn(&mut Vec<Envelope>);
    let cases: [(&str, Change); 4] = [
        ("session.duplicate", |wire| wire.push(wire.iter().find(|e| e.from == 3 && e.to == 1).unwrap().clone())),
        ("session.count", |wire| wire.retain(|e| !(e.from == 3 && e.to == 1))),
        // The receiver's own message, sent back to it.
        ("session.sender", |wire| {
            let mut own = wire.iter().find(|e| e.from == 1 && e.broadcast).unwrap().clone();
            own.to = 1;
            wire.push(own);
        }),
        ("session.count", |wire| {
            let mut extra = wire.iter().find(|e| e.from == 3 && e.to == 1).unwrap().clone();
            let mut header = extra.header();
            (header.recipient, extra.broadcast) = (1, false);
            let body = extra.body();
            extra.rewrite(&header, &body);
            wire.push(extra);
        }),
    ];
    for scheme in [Scheme::Ed25519Frost, Scheme::Bip340Frost] {
        for (code, change) in cases {
            let house = House::new(3);
            let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
                if round == 1 {
                    change(wire);
                }
            });
            assert_eq!(refusals(&outcomes)[&1].code, code);
        }
    }
}

/// Two runs with the same session id but other parameters do not mix.
#[test]
fn other_parameters_are_another_session() {
    let house = House::new(3);
    let mut sessions = house.keygen(Scheme::Ed25519Frost, 1, 2);
    sessions.insert(3, house.vaults[&3].keygen(Scheme::Ed25519Frost, [1; 32], 3, 3, 2, 1).unwrap());
    let outcomes = run(sessions, honest);
    assert_eq!(codes(refusals(&outcomes).into_values()), BTreeSet::from(["session.binding"]));
}

/// Signers that were told different digests (I11: a session serves one digest) never exchange a second message.
#[test]
fn another_digest_is_another_session() {
    for scheme in SCHEMES {
        let house = House::new(3);
        let keys = house.key(scheme, 2);
        let mut sessions = house.sign(&keys, 1, &[1, 2], &[1; 32], &[]);
        sessions.insert(2, house.sign(&keys, 1, &[1, 2], &[2; 32], &[]).remove(&2).unwrap());
        let outcomes = run(sessions, honest);
        assert_eq!(codes(refusals(&outcomes).into_values()), BTreeSet::from(["session.binding"]));
    }
}

/// FROST: a wrong signature share names its author; a wrong nonce commitment makes the views differ.
#[test]
fn wrong_frost_shares_name_their_author() {
    for (scheme, from_end) in [(Scheme::Ed25519Frost, 9), (Scheme::Bip340Frost, 1)] {
        let house = House::new(3);
        let keys = house.key(scheme, 2);
        let outcomes = run(house.sign(&keys, 1, &[1, 3], &[1; 32], &[]), |round, wire| {
            for envelope in wire.iter_mut().filter(|e| round == 2 && e.from == 3) {
                let at = envelope.data.len() - from_end;
                envelope.flip(at);
            }
        });
        let refusal = outcomes[&1].as_ref().err().unwrap();
        assert_eq!((refusal.code, &refusal.culprits[..]), ("session.signature", &[3][..]));
    }
}

/// DKLs23, bytes changed anywhere in a body: a coded refusal or a signature, never a panic; checks on
/// oblivious-transfer state blame the peer, and only that code does.
#[test]
fn changed_signing_messages_end_in_codes() {
    let house = House::new(3);
    let keys = house.key(Scheme::EcdsaDkls23, 2);
    let mut seen = BTreeSet::new();
    for target in [1u8, 2, 3] {
        for trial in 0..24usize {
            let outcomes = run(house.sign(&keys, trial as u8, &[1, 3], &[1; 32], &[]), |round, wire| {
                for envelope in wire.iter_mut().filter(|e| round == target && e.from == 3) {
                    let body = envelope.data.len() - 70;
                    let at = 70 + (trial * 7919) % body;
                    envelope.flip(at);
                }
            });
            let refusal =
                outcomes[&1].as_ref().err().unwrap_or_else(|| panic!("round {target}, trial {trial}: signed"));
            seen.insert((target, refusal.code));
            match refusal.code {
                "session.blame" => assert_eq!(refusal.culprits, [3]),
                "session.signature" | "session.inconsistent" => assert!(refusal.culprits.is_empty()),
                "session.malformed" | "session.binding" | "session.commitment" | "session.sender" => {
                    assert_eq!(refusal.culprits, [3])
                }
                "session.recipient" => {}
                other => panic!("round {target}: {other}"),
            }
        }
    }
    assert!(seen.contains(&(1, "session.blame")), "{seen:?}");
    assert!(seen.contains(&(2, "session.blame")), "{seen:?}");
    assert!(seen.contains(&(3, "session.signature")), "{seen:?}");
    assert!(!seen.contains(&(3, "session.blame")), "{seen:?}");
}

/// Cut, stretched and random bodies in every round of every protocol: codes, no panics.
#[test]
fn garbage_ends_in_codes() {
    for scheme in SCHEMES {
        let house = House::new(3);
        for target in 1..=5u8 {
            for kind in 0..3u8 {
                let outcomes = run(house.keygen(scheme, 1, 2), |round, wire| {
                    for envelope in wire.iter_mut().filter(|e| round == target && e.from == 3) {
                        let (header, mut body) = (envelope.header(), envelope.body());
                        match kind {
                            0 => body.truncate(body.len() / 2),
                            1 => body.push(0),
                            _ => body = (0..body.len()).map(|i| (i * 131 + 17) as u8).collect(),
                        }
                        envelope.rewrite(&header, &body);
                    }
                });
                let refused = outcomes[&1].is_err() && outcomes[&2].is_err();
                assert!(refused, "{}, round {target}, kind {kind}", scheme.name());
            }
            // The oblivious-transfer set-up takes a second a run.
            if scheme == Scheme::EcdsaDkls23 && target == 4 {
                break;
            }
        }
    }
}
