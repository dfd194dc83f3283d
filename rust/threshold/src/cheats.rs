//! A dealer that cheats under its own encryption, which no relay could do: it runs our phases and changes
//! what they deal to party 1.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Refusal, Result};
use crate::frame::Purpose;
use crate::private;
use crate::scheme::{Parameters, Scheme};
use crate::session::{Awaits, Incoming, Phase, Round, Session, Setup, Step, Turn};
use crate::share;

/// Flips one bit, `from_end` bytes before the end, of the `turns_left`-th phase's direct message to party 1.
struct Lying {
    inner: Box<dyn Phase>,
    turns_left: u8,
    from_end: usize,
}

impl Phase for Lying {
    fn awaits(&self) -> Awaits {
        self.inner.awaits()
    }
    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { inner, turns_left, from_end } = *self;
        let Turn::Next(next, mut sends) = inner.run(round)? else { panic!("done before lying") };
        if turns_left > 0 {
            return Ok(Turn::Next(Box::new(Self { inner: next, turns_left: turns_left - 1, from_end }), sends));
        }
        let (_, dealt) = sends.direct.iter_mut().find(|(recipient, _)| *recipient == 1).unwrap();
        let at = dealt.len() - from_end;
        dealt[at] ^= 1;
        Ok(Turn::Next(next, sends))
    }
}

/// Key generation 2-of-3 in which party 3 lies; the refusals of parties 1 and 2.
fn refusals(scheme: Scheme, turns_left: u8, from_end: usize) -> BTreeMap<u8, Refusal> {
    let parameters = Parameters::new(3, 2).unwrap();
    let mut sessions: BTreeMap<u8, Session> = (1..=3)
        .map(|me| {
            let everyone = parameters.everyone();
            let setup = Setup::new(scheme, Purpose::Keygen, [1; 32], parameters, 0, me, everyone, &[]).unwrap();
            let (setup, mut first) = (Arc::new(setup.clone()), share::keygen(Arc::new(setup)));
            if me == 3 {
                first = Box::new(Lying { inner: first, turns_left, from_end });
            }
            (me, Session::new(Arc::clone(&setup), private::introduce(setup, first)))
        })
        .collect();
    let mut refused = BTreeMap::new();
    let mut wire: Vec<(u8, Option<u8>, Vec<u8>)> = Vec::new();
    while !sessions.is_empty() {
        let mut sent = Vec::new();
        sessions.retain(|&me, session| {
            let mine = wire.iter().filter(|(from, to, _)| *from != me && to.is_none_or(|to| to == me));
            let inbox =
                mine.map(|(from, to, data)| Incoming { sender: *from, broadcast: to.is_none(), data: data.clone() });
            match session.step(inbox.collect()) {
                Ok(Step::Send(messages)) => sent.extend(messages.into_iter().map(|m| (me, m.recipient, m.data))),
                Ok(Step::Done(_)) => panic!("party {me} has a key"),
                Err(refusal) => return refused.insert(me, refusal).is_some(),
            }
            true
        });
        wire = sent;
    }
    refused
}

/// DKLs23: one party's fragment off the polynomial. The points fit no polynomial of degree t-1: no key for
/// anybody, and nobody can say who dealt wrongly.
#[test]
fn a_wrong_fragment_gives_no_key() {
    for (party, refusal) in refusals(Scheme::EcdsaDkls23, 0, 1) {
        assert_eq!((refusal.code, refusal.culprits.len()), ("key.polynomial", 0), "party {party}");
    }
}

/// FROST: a share that does not fit its dealer's published polynomial names the dealer.
#[test]
fn a_wrong_share_names_its_dealer() {
    // The last byte of a little-endian scalar could leave the field: change one in the middle.
    for scheme in [Scheme::Ed25519Frost, Scheme::Bip340Frost] {
        let refused = refusals(scheme, 2, 9);
        assert_eq!((refused[&1].code, &refused[&1].culprits[..]), ("key.polynomial", &[3][..]));
        assert_eq!(refused[&2].code, "session.count");
    }
}

/// DKLs23: a zero-share seed or an oblivious-transfer set-up that was not committed to, or proves nothing.
#[test]
fn a_wrong_initialization_names_its_author() {
    for from_end in [1, 40, 50_000] {
        let refused = refusals(Scheme::EcdsaDkls23, 2, from_end);
        let refusal = &refused[&1];
        assert!(["key.proof", "session.malformed"].contains(&refusal.code), "{refusal}");
        assert_eq!(refusal.culprits, [3]);
        assert_eq!(refused[&2].code, "session.count");
    }
}
