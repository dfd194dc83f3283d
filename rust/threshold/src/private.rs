//! Direct messages of key generation, encrypted from core to core.
//!
//! The fragments that a party deals, seen together, are its polynomial. They leave this crate only as
//! ciphertext, so that they are never in the memory of the process around it; the transport's own encryption
//! keeps everybody else out. One round more: every party broadcasts a fresh X25519 key (RFC 7748), which the
//! transport authenticates and the views echo; pairs derive a key by HKDF-SHA-256 (RFC 5869) and seal every
//! direct body by XChaCha20-Poly1305.

use std::collections::BTreeMap;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use rand_core::OsRng;
use sha2::Sha256;
use x25519_dalek::{PublicKey, ReusableSecret};
use zeroize::Zeroizing;

use crate::error::{Refusal, Result};
use crate::session::{Awaits, Phase, Round, Sends, Setup, Turn};

/// Put a key exchange before `inner`, and encrypt all that it and its successors send directly.
pub fn introduce(setup: Arc<Setup>, inner: Box<dyn Phase>) -> Box<dyn Phase> {
    Box::new(Introduce { setup, inner })
}

struct Introduce {
    setup: Arc<Setup>,
    inner: Box<dyn Phase>,
}

impl Phase for Introduce {
    fn awaits(&self) -> Awaits {
        Awaits::Nothing
    }

    fn run(self: Box<Self>, _: Round) -> Result<Turn> {
        let Self { setup, inner } = *self;
        let secret = ReusableSecret::random_from_rng(OsRng);
        let broadcast = PublicKey::from(&secret).to_bytes().to_vec();
        Ok(Turn::Next(Box::new(Introduced { setup, inner, secret }), Sends::broadcast(broadcast)))
    }
}

struct Introduced {
    setup: Arc<Setup>,
    inner: Box<dyn Phase>,
    secret: ReusableSecret,
}

impl Phase for Introduced {
    fn awaits(&self) -> Awaits {
        Awaits::Broadcast
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { setup, inner, secret } = *self;
        let mut publics = BTreeMap::from([(setup.me, PublicKey::from(&secret))]);
        for (sender, body) in round.broadcasts() {
            let bytes = <[u8; 32]>::try_from(body).map_err(|_| Refusal::malformed(sender, "channel key"))?;
            publics.insert(sender, PublicKey::from(bytes));
        }
        let everybody: Vec<u8> = publics.values().flat_map(PublicKey::to_bytes).collect();
        let mut keys = BTreeMap::new();
        for peer in setup.peers() {
            let public = publics.get(&peer).ok_or_else(|| Refusal::internal("no channel key of a peer"))?;
            keys.insert(peer, pair_key(&setup, &secret, peer, public, &everybody)?);
        }
        Channels { setup, keys, turn: 0 }.run(inner, Round::empty(round.view))
    }
}

type Key = Zeroizing<[u8; 32]>;

/// HKDF over the shared secret, salted by the session, naming the pair and every channel key of the session.
fn pair_key(setup: &Setup, secret: &ReusableSecret, peer: u8, public: &PublicKey, everybody: &[u8]) -> Result<Key> {
    let shared = secret.diffie_hellman(public);
    if !shared.was_contributory() {
        return Err(Refusal::malformed(peer, "channel key"));
    }
    let pair = [setup.me.min(peer), setup.me.max(peer)];
    let mut key = Zeroizing::new([0u8; 32]);
    Hkdf::<Sha256>::new(Some(&setup.binding), shared.as_bytes())
        .expand_multi_info(&[b"strongroom.private.v1", &pair, everybody], key.as_mut())
        .map_err(|_| Refusal::internal("key derivation failed"))?;
    Ok(key)
}

struct Channels {
    setup: Arc<Setup>,
    keys: BTreeMap<u8, Key>,
    /// Counts the phases run: the same at every party, and never twice with one key.
    turn: u8,
}

impl Channels {
    /// Run a phase on plaintext; encrypt what it sends directly.
    fn run(self, inner: Box<dyn Phase>, round: Round) -> Result<Turn> {
        let (next, mut sends) = match inner.run(round)? {
            Turn::Next(next, sends) => (next, sends),
            done @ Turn::Done(_) => return Ok(done),
        };
        for (recipient, body) in &mut sends.direct {
            let plaintext = Zeroizing::new(std::mem::take(body));
            let sealed = self.cipher(*recipient)?.encrypt(&self.nonce(self.setup.me, *recipient), plaintext.as_slice());
            *body = sealed.map_err(|_| Refusal::internal("encryption failed"))?;
        }
        Ok(Turn::Next(Box::new(Private { channels: self, inner: next }), sends))
    }

    fn open(&self, sender: u8, body: &[u8]) -> Result<Vec<u8>> {
        let opened = self.cipher(sender)?.decrypt(&self.nonce(sender, self.setup.me), body);
        opened.map_err(|_| Refusal::malformed(sender, "direct message"))
    }

    fn cipher(&self, peer: u8) -> Result<XChaCha20Poly1305> {
        let key = self.keys.get(&peer).ok_or_else(|| Refusal::internal("no key for a peer"))?;
        Ok(XChaCha20Poly1305::new((&**key).into()))
    }

    /// Unique under a pair's key: direction and turn.
    fn nonce(&self, sender: u8, recipient: u8) -> XNonce {
        let mut nonce = [0u8; 24];
        nonce[..3].copy_from_slice(&[sender, recipient, self.turn]);
        XNonce::from(nonce)
    }
}

struct Private {
    channels: Channels,
    inner: Box<dyn Phase>,
}

impl Phase for Private {
    fn awaits(&self) -> Awaits {
        self.inner.awaits()
    }

    fn is_probe(&self) -> bool {
        self.inner.is_probe()
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { mut channels, inner } = *self;
        let round = round.map_directs(|sender, body| channels.open(sender, body))?;
        channels.turn = channels.turn.checked_add(1).ok_or_else(|| Refusal::internal("too many rounds"))?;
        channels.run(inner, round)
    }
}
