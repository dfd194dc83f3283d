//! A network in memory whose relay may lie: it sees and may change every message of a round.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use strongroom_threshold::frame::{self, Header};
use strongroom_threshold::{Incoming, Keygen, Outcome, Progress, Refusal, Scheme, SignRequest, Vault, VaultSession};
use tempfile::TempDir;

pub const SCHEMES: [Scheme; 3] = [Scheme::EcdsaDkls23, Scheme::Ed25519Frost, Scheme::Bip340Frost];

#[derive(Clone)]
pub struct Envelope {
    pub from: u8,
    pub to: u8,
    pub broadcast: bool,
    pub data: Vec<u8>,
}

impl Envelope {
    pub fn header(&self) -> Header {
        frame::decode(&self.data).unwrap().0
    }
    pub fn body(&self) -> Vec<u8> {
        frame::decode(&self.data).unwrap().1.to_vec()
    }
    pub fn rewrite(&mut self, header: &Header, body: &[u8]) {
        self.data = frame::encode(header, body);
    }
    pub fn flip(&mut self, at: usize) {
        let at = at % self.data.len();
        self.data[at] ^= 1;
    }
}

pub type Sessions = BTreeMap<u8, VaultSession>;
pub type Outcomes = BTreeMap<u8, Result<Outcome, Refusal>>;

/// Run to the end. `relay` gets (round, messages). A party that refuses falls silent; the others go on with
/// what arrives, as they would when a transport gives up waiting.
pub fn run(mut sessions: Sessions, mut relay: impl FnMut(u8, &mut Vec<Envelope>)) -> Outcomes {
    let everyone: Vec<u8> = sessions.keys().copied().collect();
    let mut outcomes = Outcomes::new();
    let mut wire: Vec<Envelope> = Vec::new();
    for round in 1.. {
        let mut sent = Vec::new();
        for (index, mut session) in std::mem::take(&mut sessions) {
            let inbox = wire
                .iter()
                .filter(|envelope| envelope.to == index)
                .map(|e| Incoming { sender: e.from, broadcast: e.broadcast, data: e.data.clone() })
                .collect();
            match session.step(inbox) {
                Ok(Progress::Done(outcome)) => drop(outcomes.insert(index, Ok(outcome))),
                Err(refusal) => drop(outcomes.insert(index, Err(refusal))),
                Ok(Progress::Send(messages)) => {
                    for message in messages {
                        let recipients = match message.recipient {
                            Some(one) => vec![one],
                            None => everyone.iter().copied().filter(|&other| other != index).collect(),
                        };
                        for to in recipients {
                            let (broadcast, data) = (message.recipient.is_none(), message.data.clone());
                            sent.push(Envelope { from: index, to, broadcast, data });
                        }
                    }
                    sessions.insert(index, session);
                }
            }
        }
        if sessions.is_empty() {
            return outcomes;
        }
        wire = sent;
        relay(round, &mut wire);
    }
    unreachable!()
}

pub fn honest(_: u8, _: &mut Vec<Envelope>) {}

pub struct House {
    pub vaults: BTreeMap<u8, Vault>,
    pub directories: BTreeMap<u8, TempDir>,
}

impl House {
    pub fn new(n: u8) -> Self {
        let directories: BTreeMap<u8, TempDir> = (1..=n).map(|i| (i, tempfile::tempdir().unwrap())).collect();
        let vaults = directories.iter().map(|(&i, d)| (i, Vault::open(d.path()).unwrap())).collect();
        Self { vaults, directories }
    }

    pub fn keygen(&self, scheme: Scheme, id: u8, t: u8) -> Sessions {
        let n = self.vaults.len() as u8;
        self.vaults.iter().map(|(&i, vault)| (i, vault.keygen(scheme, [id; 32], i, n, t, 0).unwrap())).collect()
    }

    pub fn refresh(&self, keys: &Keys, id: u8) -> Sessions {
        let start = |i: u8| self.vaults[&i].refresh(&keys[&i].sealed, [id; 32], keys[&i].public.epoch + 1).unwrap();
        keys.keys().map(|&i| (i, start(i))).collect()
    }

    pub fn sign(&self, keys: &Keys, id: u8, participants: &[u8], message: &[u8], path: &[u32]) -> Sessions {
        let request = |i: u8| SignRequest {
            sealed: &keys[&i].sealed,
            session_id: [id; 32],
            participants: participants.to_vec(),
            message: message.to_vec(),
            path: path.to_vec(),
            epoch: keys[&i].public.epoch,
        };
        participants.iter().map(|&i| (i, self.vaults[&i].sign(request(i)).unwrap())).collect()
    }

    pub fn key(&self, scheme: Scheme, t: u8) -> Keys {
        keys(run(self.keygen(scheme, 7, t), honest))
    }
}

pub type Keys = BTreeMap<u8, Keygen>;

/// The keys of a generation or refresh in which everybody was honest.
pub fn keys(outcomes: Outcomes) -> Keys {
    outcomes
        .into_iter()
        .map(|(i, outcome)| match outcome {
            Ok(Outcome::Keygen(key)) => (i, *key),
            Ok(_) => panic!("not a key"),
            Err(refusal) => panic!("party {i}: {refusal}"),
        })
        .collect()
}

pub fn signature(outcome: &Result<Outcome, Refusal>) -> ([u8; 64], Option<u8>) {
    match outcome {
        Ok(Outcome::Signature(signature)) => (signature.bytes, signature.recovery_id),
        Ok(_) => panic!("not a signature"),
        Err(refusal) => panic!("{refusal}"),
    }
}

/// The refusals of all parties; panics when one of them got a result.
pub fn refusals(outcomes: &Outcomes) -> BTreeMap<u8, Refusal> {
    outcomes
        .iter()
        .map(|(&i, outcome)| match outcome {
            Err(refusal) => (i, refusal.clone()),
            Ok(_) => panic!("party {i} got a result"),
        })
        .collect()
}
