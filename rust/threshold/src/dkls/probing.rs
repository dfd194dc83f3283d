//! The attack that bans, budgets and refreshes are against: a signer that guesses one bit of a peer's reusable
//! oblivious-transfer state in each session, and learns from the peer's abort whether it was right.
//!
//! The extension's receiver holds two seeds for each bit of its sender's secret correlation, who holds the one
//! that the bit chooses. A receiver that swaps one of its seeds for another is found out exactly if the bit
//! chooses that one (the selective failure of <https://eprint.iacr.org/2015/546>).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::refresh::Held;
use super::share::DklsShare;
use super::{Party, index, keygen};
use crate::error::{BLAME, Refusal};
use crate::frame::Purpose;
use crate::scheme::{Parameters, Scheme};
use crate::session::{Incoming, Output, Phase, Session, Setup, Step};
use crate::share::{KeyPublic, SecretShare};

const PROBER: u8 = 3;
const VICTIM: u8 = 1;

type Outcomes = BTreeMap<u8, Result<Output, Refusal>>;

fn run(purpose: Purpose, id: u8, epoch: u32, parties: &[u8], first: impl Fn(Arc<Setup>) -> Box<dyn Phase>) -> Outcomes {
    let parameters = Parameters::new(3, 2).unwrap();
    let mut sessions = BTreeMap::new();
    for &me in parties {
        let setup =
            Setup::new(Scheme::EcdsaDkls23, purpose, [id; 32], parameters, epoch, me, parties.to_vec(), &[]).unwrap();
        let setup = Arc::new(setup);
        sessions.insert(me, Session::new(Arc::clone(&setup), first(setup)));
    }
    let (mut outcomes, mut wire) = (Outcomes::new(), Vec::<(u8, Option<u8>, Vec<u8>)>::new());
    while !sessions.is_empty() {
        let mut sent = Vec::new();
        sessions.retain(|&me, session| {
            let mine = wire.iter().filter(|(from, to, _)| *from != me && to.is_none_or(|to| to == me));
            let inbox =
                mine.map(|(from, to, data)| Incoming { sender: *from, broadcast: to.is_none(), data: data.clone() });
            match session.step(inbox.collect()) {
                Ok(Step::Send(messages)) => sent.extend(messages.into_iter().map(|m| (me, m.recipient, m.data))),
                Ok(Step::Done(output)) => return outcomes.insert(me, Ok(output)).is_some(),
                Err(refusal) => return outcomes.insert(me, Err(refusal)).is_some(),
            }
            true
        });
        wire = sent;
    }
    outcomes
}

/// The parties of a finished generation or refresh, with what is public of each.
fn parties(outcomes: Outcomes) -> BTreeMap<u8, (Arc<Party>, Arc<KeyPublic>)> {
    outcomes
        .into_iter()
        .map(|(me, outcome)| match outcome {
            Ok(Output::Key(key)) => {
                let share = DklsShare::decode(&key.share.encode().unwrap()).unwrap();
                (me, (share.0, Arc::new(key.public)))
            }
            _ => panic!("party {me} has no key"),
        })
        .collect()
}

/// The secret bits that the victim reuses against the prober.
fn correlation(victim: &Party) -> Vec<bool> {
    victim.mul_senders[&index(PROBER).unwrap()].ote_sender.correlation.clone()
}

/// A signature by the two; what the victim has of it.
fn sign(id: u8, victim: &Arc<Party>, prober: &Arc<Party>) -> Result<Output, Refusal> {
    let mut outcomes = run(Purpose::Sign, id, 0, &[VICTIM, PROBER], |setup| {
        let party = if setup.me == VICTIM { victim } else { prober };
        Arc::new(DklsShare(Arc::clone(party))).sign(setup, vec![9; 32], &[44, u32::from(id)]).unwrap()
    });
    outcomes.remove(&VICTIM).unwrap()
}

/// The same while the prober bets that this bit is not set.
fn probe(id: u8, bit: usize, victim: &Arc<Party>, prober: &Party) -> Result<Output, Refusal> {
    let mut cheat = prober.clone();
    cheat.mul_receivers.get_mut(&index(VICTIM).unwrap()).unwrap().ote_receiver.seeds1[bit][0] ^= 1;
    sign(id, victim, &Arc::new(cheat))
}

#[test]
fn a_probe_reads_one_bit_and_a_wrong_guess_is_blamed_on_its_author() {
    let made = parties(run(Purpose::Keygen, 1, 0, &[1, 2, 3], keygen::keygen));
    let (victim, prober) = (&made[&VICTIM].0, &made[&PROBER].0);
    let bits = correlation(victim);
    for (bit, &set) in bits.iter().enumerate().take(24) {
        match probe(bit as u8, bit, victim, prober) {
            Ok(Output::Signature { .. }) => assert!(!set, "bit {bit}: a wrong guess went unnoticed"),
            Err(refusal) => {
                assert!(set, "bit {bit}: a right guess was blamed: {refusal}");
                assert_eq!((refusal.code, &refusal.culprits[..]), (BLAME, &[PROBER][..]));
            }
            Ok(Output::Key(_)) => panic!("not a signature"),
        }
    }

    // What was read is worth nothing after a refresh: the bits are drawn anew, and the probe meets the new ones.
    let fresh = parties(run(Purpose::Refresh, 2, 1, &[1, 2, 3], |setup| {
        let (party, public) = &made[&setup.me];
        keygen::refresh(setup, Held { party: Arc::clone(party), public: Arc::clone(public) })
    }));
    let renewed = correlation(&fresh[&VICTIM].0);
    let differing = bits.iter().zip(&renewed).filter(|(old, new)| old != new).count();
    assert!((bits.len() / 4..bits.len() * 3 / 4).contains(&differing), "{differing} of {} bits differ", bits.len());
    assert_eq!(fresh[&VICTIM].0.poly_point, victim.poly_point);
    let bit = renewed.iter().position(|set| *set).unwrap();
    let refusal = probe(3, bit, &fresh[&VICTIM].0, &fresh[&PROBER].0).err().unwrap();
    assert_eq!(refusal.code, BLAME);

    // A party that still holds the old state is no cheat: the session ends, and nobody is blamed.
    let refusal = sign(4, &fresh[&VICTIM].0, &made[&PROBER].0).err().unwrap();
    assert_eq!(refusal.code, "session.binding");
}
