//! The last round of every key generation: all parties say the same transcript, or there is no key.

use std::sync::Arc;

use crate::error::{Refusal, Result};
use crate::hash::{Hash, hash};
use crate::scheme::Parameters;
use crate::session::{Awaits, Output, Phase, Round, Sends, Setup, Turn};
use crate::share::{KeyPublic, SecretShare};

/// A key that every participant has confirmed.
pub struct NewKey {
    pub public: KeyPublic,
    pub share: Arc<dyn SecretShare>,
}

/// What a protocol yields before the confirmation.
pub struct Draft {
    pub public_key: Vec<u8>,
    pub verifying_shares: Vec<Vec<u8>>,
    pub chain_code: Option<[u8; 32]>,
    pub share: Arc<dyn SecretShare>,
}

/// Check the share against the package, digest the transcript and broadcast it.
pub fn confirm(setup: Arc<Setup>, view: Hash, draft: Draft) -> Result<Turn> {
    let Draft { public_key, verifying_shares, chain_code, share } = draft;
    let Parameters { n, t } = setup.parameters;
    let listed: Vec<&[u8]> = verifying_shares.iter().map(Vec::as_slice).collect();
    let transcript = hash(
        "strongroom.transcript.v1",
        &[
            &[setup.scheme as u8, n, t],
            &setup.epoch.to_be_bytes(),
            &setup.session_id,
            &setup.participants,
            &public_key,
            &hash("strongroom.verifying-shares.v1", &listed),
            chain_code.as_ref().map_or(&[][..], |code| code),
            &view,
        ],
    );
    let public = KeyPublic {
        scheme: setup.scheme,
        epoch: setup.epoch,
        index: setup.me,
        parameters: setup.parameters,
        public_key,
        verifying_shares,
        chain_code,
        transcript,
    };
    share.check(&public).map_err(|refusal| Refusal::new("key.share", refusal.message))?;
    Ok(Turn::Next(Box::new(Confirming { key: NewKey { public, share } }), Sends::broadcast(transcript.to_vec())))
}

struct Confirming {
    key: NewKey,
}

impl Phase for Confirming {
    fn awaits(&self) -> Awaits {
        Awaits::Broadcast
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        for (sender, transcript) in round.broadcasts() {
            if transcript != self.key.public.transcript {
                return Err(Refusal::new("key.transcript_differs", format!("party {sender} made another key")));
            }
        }
        Ok(Turn::Done(Output::Key(Box::new(self.key))))
    }
}
