//! What the core must bear from anybody: each function takes any bytes, and panics when the core does, or when it
//! accepts what it must not.
//!
//! With nightly: `cargo +nightly fuzz run sessions --fuzz-dir fuzz --features libfuzzer`; the tests run the same on
//! stable, over generated input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../threshold/tests/common/mod.rs"]
mod common;

use std::collections::HashSet;
use std::sync::OnceLock;

use common::{Envelope, House, Keys, Outcomes, run};
use strongroom_batch::{Signers, parse, prepare};
use strongroom_threshold::{Outcome, Scheme, frame};

/// An entry is prepared exactly when its bytes are canonical; no byte sequence stops the reader.
pub fn reading(data: &[u8]) {
    let signers = Signers::new([("00".repeat(32), [9; 32])], HashSet::from([format!("0x{}", "11".repeat(20))]));
    let prepared = prepare(&[data], &signers).remove(0);
    assert_eq!(prepared.is_some(), data.len() <= 65536 && parse(data, 32).is_some());
    assert!(prepared.is_none_or(|entry| entry.proofs.is_empty()), "a proof out of nothing");
}

/// What decodes as a message is the one encoding of what it says.
pub fn frames(data: &[u8]) {
    if let Ok((header, body)) = frame::decode(data) {
        assert_eq!(frame::encode(&header, body), data);
    }
}

/// A sealed share opens as it was sealed, or not at all.
pub fn shares(data: &[u8]) {
    let (house, keys) = standing();
    let honest = &keys[&1].sealed;
    let altered = alter(honest, data);
    let opened = house.vaults[&1].inspect(&altered);
    assert_eq!(opened.is_ok(), &altered == honest);
}

/// A party that is sent something else refuses, or signs the same as everybody; it never stops the process.
pub fn sessions(data: &[u8]) {
    let [kind, round, place, edit @ ..] = data else { return };
    let (house, keys) = standing();
    let outcomes = match kind % 2 {
        0 => run(house.sign(keys, 1, &[1, 3], &[7; 32], &[]), |at, wire| spoil(at, wire, *round, *place, edit)),
        _ => run(house.keygen(Scheme::Ed25519Frost, 2, 2), |at, wire| spoil(at, wire, *round, *place, edit)),
    };
    agree(&outcomes);
}

fn spoil(at: u8, wire: &mut [Envelope], round: u8, place: u8, edit: &[u8]) {
    if at == 1 + round % 5 && !wire.is_empty() {
        let place = usize::from(place) % wire.len();
        wire[place].data = alter(&wire[place].data, edit);
    }
}

/// All that finish have the same key or the same signature.
fn agree(outcomes: &Outcomes) {
    let results: HashSet<Vec<u8>> = outcomes
        .values()
        .filter_map(|outcome| match outcome {
            Ok(Outcome::Keygen(key)) => Some(key.public.transcript.to_vec()),
            Ok(Outcome::Signature(signature)) => Some(signature.bytes.to_vec()),
            Err(_) => None,
        })
        .collect();
    assert!(results.len() <= 1, "two parties finished differently");
}

/// The honest bytes with an edit: where, how many bytes give way, and what stands there instead.
fn alter(honest: &[u8], edit: &[u8]) -> Vec<u8> {
    let [low, high, gone, instead @ ..] = edit else { return honest.to_vec() };
    let at = usize::from(u16::from_le_bytes([*low, *high])) % (honest.len() + 1);
    let end = (at + usize::from(*gone)).min(honest.len());
    [&honest[..at], instead, &honest[end..]].concat()
}

/// Three parties with an ECDSA key, made once.
fn standing() -> &'static (House, Keys) {
    static STANDING: OnceLock<(House, Keys)> = OnceLock::new();
    STANDING.get_or_init(|| {
        let house = House::new(3);
        let keys = house.key(Scheme::EcdsaDkls23, 2);
        (house, keys)
    })
}
