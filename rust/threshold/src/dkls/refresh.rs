//! Refresh: fresh oblivious-transfer and zero-share state for the shares that the parties hold already.
//!
//! What a peer may have learned by probing is about state that no session uses again. Nothing of the old
//! state goes into the new (a faster refresh would carry a leak over), and shares, key, chain code and
//! children stay as they are. The session id of every later signature is new as well: a party that still
//! has the old state is told so by an abort that bans nobody.

use std::sync::Arc;

use super::Party;
use super::share::DklsShare;
use crate::error::{Refusal, Result};
use crate::hash::{Hash, hash};
use crate::keygen::Draft;
use crate::session::Setup;
use crate::share::KeyPublic;

/// The share to keep, with its public description.
pub struct Held {
    pub party: Arc<Party>,
    pub public: Arc<KeyPublic>,
}

impl Held {
    /// The party of a fresh key with this share, key and chain code in place of its own.
    pub fn renewed(self, setup: &Setup, mut fresh: Party) -> Result<Draft> {
        let Self { party: held, public } = self;
        fresh.session_id = session_id(setup, &public).to_vec();
        fresh.poly_point = held.poly_point;
        fresh.pk = held.pk;
        fresh.address.clone_from(&held.address);
        fresh.derivation_data = held.derivation_data.clone();
        // The draft's check covers key, share and chain code; a child is what addresses are made of.
        let child = |party: &Party| party.derivation_data.derive_child(0).map(|child| child.pk);
        match (child(&held), child(&fresh)) {
            (Ok(before), Ok(after)) if before == after => {}
            _ => return Err(Refusal::new("key.share", "the refreshed share derives other children")),
        }
        Ok(Draft {
            public_key: public.public_key.clone(),
            verifying_shares: public.verifying_shares.clone(),
            chain_code: public.chain_code,
            share: Arc::new(DklsShare(Arc::new(fresh))),
        })
    }
}

/// The library's session id from now on: the run, the epoch, and everything that stays.
fn session_id(setup: &Setup, public: &KeyPublic) -> Hash {
    let listed: Vec<&[u8]> = public.verifying_shares.iter().map(Vec::as_slice).collect();
    hash(
        "strongroom.refresh.v1",
        &[
            &setup.binding,
            &setup.epoch.to_be_bytes(),
            &public.public_key,
            public.chain_code.as_ref().map_or(&[][..], |code| code),
            &setup.participants,
            &[setup.parameters.t, setup.parameters.n],
            &hash("strongroom.verifying-shares.v1", &listed),
        ],
    )
}
