//! The one interface of every protocol: phases behind a driver that checks who says what, when.

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::{Refusal, Result};
use crate::frame::{self, BROADCAST, Header, Purpose};
use crate::hash::{Hash, hash};
use crate::keygen::NewKey;
use crate::scheme::{Parameters, Scheme};

/// A message as the transport delivers it: authenticated as `sender`'s, already decrypted.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub sender: u8,
    pub broadcast: bool,
    pub data: Vec<u8>,
}

/// A message to send; no recipient means to every other participant, the same bytes.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub recipient: Option<u8>,
    pub data: Vec<u8>,
}

/// What all participants of one session agree on before it starts.
#[derive(Clone, Debug)]
pub struct Setup {
    pub scheme: Scheme,
    pub purpose: Purpose,
    pub session_id: Hash,
    pub parameters: Parameters,
    pub epoch: u32,
    pub me: u8,
    /// Ascending, this party included.
    pub participants: Vec<u8>,
    /// Digest of everything above (but `me`) and of the subject: the first view, and the id that the
    /// protocol libraries see, so that a run under other parameters is another session to them as well.
    pub binding: Hash,
}

impl Setup {
    /// `subject` is what the session is about: nothing for key generation; key, path and digest for signing.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        scheme: Scheme,
        purpose: Purpose,
        session_id: Hash,
        parameters: Parameters,
        epoch: u32,
        me: u8,
        participants: Vec<u8>,
        subject: &[&[u8]],
    ) -> Result<Self> {
        let ascending = participants.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let known = participants.iter().all(|index| (1..=parameters.n).contains(index));
        if !ascending || !known {
            return Err(Refusal::new(
                "session.participants",
                "participants must be distinct, ascending and within 1..=n",
            ));
        }
        if !participants.contains(&me) {
            return Err(Refusal::new("session.participants", format!("party {me} is not among the participants")));
        }
        let fixed = hash(
            "strongroom.session.v1",
            &[
                &[scheme as u8, purpose as u8, parameters.n, parameters.t],
                &epoch.to_be_bytes(),
                &session_id,
                &participants,
            ],
        );
        let binding = hash("strongroom.session.subject.v1", &[&[&fixed[..]], subject].concat());
        Ok(Self { scheme, purpose, session_id, parameters, epoch, me, participants, binding })
    }

    /// The other participants, ascending.
    pub fn peers(&self) -> impl Iterator<Item = u8> + '_ {
        self.participants.iter().copied().filter(|&index| index != self.me)
    }
}

/// What every peer sends in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    Nothing,
    Broadcast,
    Direct,
    Both,
}

impl Awaits {
    const fn broadcast(self) -> bool {
        matches!(self, Self::Broadcast | Self::Both)
    }
    const fn direct(self) -> bool {
        matches!(self, Self::Direct | Self::Both)
    }
}

/// The bodies of one complete round, exactly what [`Phase::awaits`] asked for, from every peer once.
#[derive(Default)]
pub struct Round {
    broadcasts: BTreeMap<u8, Vec<u8>>,
    /// Wiped on drop: key generation deals secrets directly.
    directs: BTreeMap<u8, Zeroizing<Vec<u8>>>,
    /// Digest of the session's parameters and of every broadcast so far, this round's included.
    pub view: Hash,
}

impl Round {
    pub fn empty(view: Hash) -> Self {
        Self { view, ..Self::default() }
    }

    /// The same round with every direct body replaced.
    pub fn map_directs(mut self, map: impl Fn(u8, &[u8]) -> Result<Vec<u8>>) -> Result<Self> {
        for (&sender, body) in &mut self.directs {
            *body = Zeroizing::new(map(sender, body)?);
        }
        Ok(self)
    }

    pub fn broadcasts(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.broadcasts.iter().map(|(&sender, body)| (sender, body.as_slice()))
    }
    pub fn directs(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.directs.iter().map(|(&sender, body)| (sender, body.as_slice()))
    }
}

/// What a phase sends.
#[derive(Default)]
pub struct Sends {
    pub broadcast: Option<Vec<u8>>,
    pub direct: Vec<(u8, Vec<u8>)>,
}

impl Sends {
    pub fn broadcast(body: Vec<u8>) -> Self {
        Self { broadcast: Some(body), direct: Vec::new() }
    }
    pub fn direct(direct: Vec<(u8, Vec<u8>)>) -> Self {
        Self { broadcast: None, direct }
    }
}

pub enum Output {
    Key(Box<NewKey>),
    Signature { bytes: [u8; 64], recovery_id: Option<u8> },
}

pub enum Turn {
    Next(Box<dyn Phase>, Sends),
    Done(Output),
}

/// One phase of a protocol. Running it consumes it: secrets move on or are dropped, nothing runs twice.
pub trait Phase: Send {
    fn awaits(&self) -> Awaits;

    /// True when an abort of this phase can tell a cheating peer one bit of reusable oblivious-transfer state:
    /// the caller records durably that it is in flight before it calls.
    fn is_probe(&self) -> bool {
        false
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn>;
}

/// A running protocol. Any refusal ends it: secrets are dropped and every later step is `session.finished`.
pub struct Session {
    setup: Arc<Setup>,
    phase: Option<Box<dyn Phase>>,
    /// The round whose messages are awaited; 0 before the first step.
    round: u8,
    view: Hash,
    own_broadcast: Option<Vec<u8>>,
}

/// What a step yields: messages to send, or the result.
pub enum Step {
    Send(Vec<Outgoing>),
    Done(Output),
}

impl Session {
    pub fn new(setup: Arc<Setup>, first: Box<dyn Phase>) -> Self {
        let view = setup.binding;
        Self { setup, phase: Some(first), round: 0, view, own_broadcast: None }
    }

    pub fn next_step_is_probe(&self) -> bool {
        self.phase.as_ref().is_some_and(|phase| phase.is_probe())
    }

    /// Take one complete round (nothing the first time) and run the next phase.
    pub fn step(&mut self, inbox: Vec<Incoming>) -> Result<Step> {
        let Some(phase) = self.phase.take() else {
            return Err(Refusal::new("session.finished", "this session has ended; start another"));
        };
        let round = self.collect(phase.awaits(), inbox)?;
        match phase.run(round)? {
            Turn::Done(output) => Ok(Step::Done(output)),
            Turn::Next(next, sends) => {
                self.round += 1;
                self.phase = Some(next);
                Ok(Step::Send(self.frame(sends)))
            }
        }
    }

    /// Check every message's header, sort the bodies, and fold the broadcasts into the view.
    fn collect(&mut self, awaits: Awaits, inbox: Vec<Incoming>) -> Result<Round> {
        let mut round = Round::default();
        for message in inbox {
            let body = self.check(&message, awaits)?.to_vec();
            let twice = if message.broadcast {
                round.broadcasts.insert(message.sender, body).is_some()
            } else {
                round.directs.insert(message.sender, Zeroizing::new(body)).is_some()
            };
            if twice {
                return Err(Refusal::new(
                    "session.duplicate",
                    format!("two messages of party {} in one round", message.sender),
                ));
            }
        }
        for (wanted, got) in [(awaits.broadcast(), round.broadcasts.len()), (awaits.direct(), round.directs.len())] {
            let expected = if wanted { self.setup.peers().count() } else { 0 };
            if got != expected {
                let message = format!("round {}: {got} messages of {expected} expected", self.round);
                return Err(Refusal::new("session.count", message));
            }
        }
        if let Some(own) = self.own_broadcast.take() {
            let mut fields: Vec<Vec<u8>> = vec![self.view.to_vec(), vec![self.round]];
            for &index in &self.setup.participants {
                let body = if index == self.setup.me { Some(&own) } else { round.broadcasts.get(&index) };
                fields.push(vec![index]);
                fields.push(body.cloned().unwrap_or_default());
            }
            self.view = hash("strongroom.session.view.v1", &fields.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        round.view = self.view;
        Ok(round)
    }

    fn check<'m>(&self, message: &'m Incoming, awaits: Awaits) -> Result<&'m [u8]> {
        let (header, body) = frame::decode(&message.data)?;
        let setup = &self.setup;
        if header.scheme != setup.scheme as u8 || header.purpose != setup.purpose as u8 {
            return Err(Refusal::new("session.scheme", "message of another scheme or protocol"));
        }
        if header.session_id != setup.session_id {
            return Err(Refusal::new("session.wrong_session", "message of another session"));
        }
        if header.sender == setup.me || message.sender == setup.me {
            return Err(Refusal::new("session.sender", "message labelled with this party's own index"));
        }
        if header.sender != message.sender {
            let message = format!("message labelled {} arrived from party {}", header.sender, message.sender);
            return Err(Refusal::new("session.sender", message));
        }
        if !setup.participants.contains(&header.sender) {
            return Err(Refusal::new(
                "session.sender",
                format!("party {} takes no part in this session", header.sender),
            ));
        }
        if header.round != self.round {
            let message = format!("message of round {}, round {} is awaited", header.round, self.round);
            return Err(Refusal::new("session.wrong_round", message));
        }
        let addressed = if message.broadcast { BROADCAST } else { setup.me };
        if header.recipient != addressed {
            return Err(Refusal::new("session.recipient", "message addressed to somebody else"));
        }
        if !(if message.broadcast { awaits.broadcast() } else { awaits.direct() }) {
            return Err(Refusal::new("session.count", format!("round {}: a message nobody asked for", self.round)));
        }
        if header.view != self.view {
            return Err(if self.round == 1 {
                Refusal::new(
                    "session.binding",
                    format!("party {} runs this session with other parameters", header.sender),
                )
            } else {
                let message = format!("party {} was shown other broadcasts than this party", header.sender);
                Refusal::new("session.broadcast_differs", message)
            });
        }
        Ok(body)
    }

    fn frame(&mut self, sends: Sends) -> Vec<Outgoing> {
        let setup = &self.setup;
        let mut header = Header::new(setup.scheme, setup.purpose, setup.session_id);
        (header.round, header.sender, header.view) = (self.round, setup.me, self.view);
        let mut outgoing = Vec::new();
        if let Some(body) = sends.broadcast {
            outgoing.push(Outgoing { recipient: None, data: frame::encode(&header, &body) });
            self.own_broadcast = Some(body);
        }
        for (recipient, body) in sends.direct {
            header.recipient = recipient;
            outgoing.push(Outgoing { recipient: Some(recipient), data: frame::encode(&header, &body) });
        }
        outgoing
    }
}
