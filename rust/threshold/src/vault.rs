//! One signer's shares: opens sealed ones, starts sessions, seals new ones.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::error::{Refusal, Result};
use crate::frame::Purpose;
use crate::hash::Hash;
use crate::private;
use crate::scheme::{Parameters, Scheme};
use crate::seal::SealKey;
use crate::session::{Incoming, Outgoing, Output, Session, Setup, Step};
use crate::share::{self, KeyPublic, SecretShare};

/// Opened shares kept in memory: all of them fit among the 8 MiB that may usually be locked; one opens again in 0.3 ms.
const CACHED_SHARES: usize = 16;
/// Ed25519 signs whole messages, not digests.
const MAX_MESSAGE_TO_SIGN: usize = 64 * 1024;

#[derive(Clone)]
struct Opened {
    public: Arc<KeyPublic>,
    share: Arc<dyn SecretShare>,
}

pub struct Vault {
    key: Arc<SealKey>,
    opened: Mutex<HashMap<Hash, Opened>>,
}

/// What a signature is asked over.
pub struct SignRequest<'a> {
    pub sealed: &'a [u8],
    pub session_id: Hash,
    pub participants: Vec<u8>,
    pub message: Vec<u8>,
    pub path: Vec<u32>,
    pub epoch: u32,
}

pub struct Keygen {
    pub public: KeyPublic,
    pub sealed: Vec<u8>,
}

pub struct Signature {
    pub bytes: [u8; 64],
    pub recovery_id: Option<u8>,
}

pub enum Outcome {
    Keygen(Box<Keygen>),
    Signature(Signature),
}

/// What one step of a session yields.
pub enum Progress {
    Send(Vec<Outgoing>),
    Done(Outcome),
}

impl Vault {
    /// Open a signer's directory; its seal key is created the first time.
    pub fn open(directory: &Path) -> Result<Self> {
        Ok(Self { key: Arc::new(SealKey::open(directory)?), opened: Mutex::default() })
    }

    /// Start a distributed key generation as party `index` of n.
    pub fn keygen(
        &self,
        scheme: Scheme,
        session_id: Hash,
        index: u8,
        n: u8,
        t: u8,
        epoch: u32,
    ) -> Result<VaultSession> {
        let parameters = Parameters::new(n, t)?;
        let setup =
            Setup::new(scheme, Purpose::Keygen, session_id, parameters, epoch, index, parameters.everyone(), &[])?;
        let setup = Arc::new(setup);
        let first = private::introduce(Arc::clone(&setup), share::keygen(Arc::clone(&setup)));
        Ok(VaultSession { key: Arc::clone(&self.key), session: Session::new(setup, first) })
    }

    /// Start a signature with exactly t participants; the message is fixed from here on.
    pub fn sign(&self, request: SignRequest<'_>) -> Result<VaultSession> {
        let Opened { public, share } = self.load(request.sealed)?;
        let SignRequest { session_id, participants, message, path, epoch, .. } = request;
        if epoch != public.epoch {
            return Err(Refusal::new("key.epoch", format!("share of epoch {}, asked for {epoch}", public.epoch)));
        }
        if participants.len() != usize::from(public.parameters.t) {
            let message = format!("{} participants, exactly {} sign", participants.len(), public.parameters.t);
            return Err(Refusal::new("session.participants", message));
        }
        let digest_only = public.scheme != Scheme::Ed25519Frost;
        if (digest_only && message.len() != 32) || message.is_empty() || message.len() > MAX_MESSAGE_TO_SIGN {
            return Err(Refusal::new(
                "session.digest",
                "a digest of 32 bytes is signed (Ed25519: a message of 1 to 65536)",
            ));
        }
        let steps: Vec<u8> = path.iter().flat_map(|step| step.to_be_bytes()).collect();
        let setup = Setup::new(
            public.scheme,
            Purpose::Sign,
            session_id,
            public.parameters,
            public.epoch,
            public.index,
            participants,
            &[&public.public_key, &public.transcript, &steps, &message],
        )?;
        let setup = Arc::new(setup);
        let first = share.sign(Arc::clone(&setup), message, &path)?;
        Ok(VaultSession { key: Arc::clone(&self.key), session: Session::new(setup, first) })
    }

    /// Start a refresh among the same parties to the next epoch: same shares, fresh oblivious-transfer state.
    pub fn refresh(&self, sealed: &[u8], session_id: Hash, epoch: u32) -> Result<VaultSession> {
        let Opened { public, share } = self.load(sealed)?;
        if epoch.checked_sub(1) != Some(public.epoch) {
            let message = format!("share of epoch {}, to be refreshed to {epoch}", public.epoch);
            return Err(Refusal::new("key.epoch", message));
        }
        let setup = Setup::new(
            public.scheme,
            Purpose::Refresh,
            session_id,
            public.parameters,
            epoch,
            public.index,
            public.parameters.everyone(),
            &[&public.public_key, &public.transcript],
        )?;
        let setup = Arc::new(setup);
        let first = private::introduce(Arc::clone(&setup), share.refresh(Arc::clone(&setup), public)?);
        Ok(VaultSession { key: Arc::clone(&self.key), session: Session::new(setup, first) })
    }

    /// The authenticated public description of a sealed share.
    pub fn inspect(&self, sealed: &[u8]) -> Result<Arc<KeyPublic>> {
        Ok(self.load(sealed)?.public)
    }

    /// Drop every opened share from memory.
    pub fn forget(&self) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn load(&self, sealed: &[u8]) -> Result<Opened> {
        let name: Hash = Sha256::digest(sealed).into();
        if let Some(opened) = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(opened.clone());
        }
        let (public, plaintext) = self.key.open_sealed(sealed)?;
        let share = share::decode(&public, &plaintext)?;
        let opened = Opened { public: Arc::new(public), share };
        let mut cache = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHED_SHARES {
            cache.clear();
        }
        cache.insert(name, opened.clone());
        Ok(opened)
    }
}

/// A session whose new key leaves it sealed.
pub struct VaultSession {
    key: Arc<SealKey>,
    session: Session,
}

impl VaultSession {
    pub fn next_step_is_probe(&self) -> bool {
        self.session.next_step_is_probe()
    }

    pub fn step(&mut self, inbox: Vec<Incoming>) -> Result<Progress> {
        Ok(match self.session.step(inbox)? {
            Step::Send(messages) => Progress::Send(messages),
            Step::Done(Output::Signature { bytes, recovery_id }) => {
                Progress::Done(Outcome::Signature(Signature { bytes, recovery_id }))
            }
            Step::Done(Output::Key(key)) => {
                let plaintext = key.share.encode()?;
                let sealed = self.key.seal(&key.public, &plaintext)?;
                Progress::Done(Outcome::Keygen(Box::new(Keygen { public: key.public, sealed })))
            }
        })
    }
}
