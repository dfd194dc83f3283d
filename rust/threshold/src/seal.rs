//! Sealed shares: XChaCha20-Poly1305 under a key that this crate alone creates, reads and holds.
//!
//! A sealed share is `MAGIC | u32 length | public description | nonce (24) | ciphertext and tag`; everything
//! before the nonce is associated data, so that a share cannot be passed off as another key's or party's.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::error::{Refusal, Result};
use crate::share::{KeyPublic, tampered};

const MAGIC: &[u8; 8] = b"SRSHARE1";
const KEY_FILE: &str = "seal.key";
const NONCE: usize = 24;
const TAG: usize = 16;

/// The key of one signer's directory.
pub struct SealKey(Zeroizing<[u8; 32]>);

impl SealKey {
    /// Read the directory's key, or create it (mode 0600, never overwriting).
    pub fn open(directory: &Path) -> Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|e| io("vault.directory", &e))?;
        let path = directory.join(KEY_FILE);
        match Self::read(&path) {
            Err(refusal) if refusal.code == "vault.key_missing" => {
                Self::create(directory, &path)?;
                Self::read(&path)
            }
            other => other,
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let mut file = match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(io("vault.key_missing", &e)),
            Err(e) => return Err(io("vault.key_unreadable", &e)),
        };
        let meta = file.metadata().map_err(|e| io("vault.key_unreadable", &e))?;
        if !meta.is_file() || meta.mode() & 0o077 != 0 {
            return Err(Refusal::new(
                "vault.key_mode",
                "the seal key must be a plain file that only its owner can read (0600)",
            ));
        }
        let mut key = Zeroizing::new([0u8; 32]);
        if meta.len() != 32 || file.read_exact(key.as_mut()).is_err() {
            return Err(Refusal::new("vault.key_malformed", "the seal key must have 32 bytes"));
        }
        Ok(Self(key))
    }

    /// Write under a temporary name, then link: the key appears whole or not at all, and never replaces one.
    fn create(directory: &Path, path: &Path) -> Result<()> {
        let failed = |e: &std::io::Error| io("vault.key_create", e);
        let mut key = Zeroizing::new([0u8; 32]);
        random(key.as_mut())?;
        let mut suffix = [0u8; 8];
        random(&mut suffix)?;
        let temporary = directory.join(format!(".{KEY_FILE}.{:016x}", u64::from_be_bytes(suffix)));
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(|e| failed(&e))?;
        let linked =
            file.write_all(key.as_ref()).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&temporary, path));
        let removed = fs::remove_file(&temporary);
        match linked {
            // Another process was first: its key is the one.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(failed(&e)),
            Ok(()) => {}
        }
        removed.and_then(|()| File::open(directory)?.sync_all()).map_err(|e| failed(&e))
    }

    pub fn seal(&self, public: &KeyPublic, plaintext: &[u8]) -> Result<Vec<u8>> {
        let failed = || Refusal::internal("sealing failed");
        let described = postcard::to_allocvec(public).map_err(|_| failed())?;
        let length = u32::try_from(described.len()).map_err(|_| failed())?;
        let mut nonce = [0u8; NONCE];
        random(&mut nonce)?;
        let associated = [&MAGIC[..], &length.to_be_bytes(), &described].concat();
        // The one copy of the plaintext made here is overwritten in place by its ciphertext.
        let mut sealed = Vec::with_capacity(associated.len() + NONCE + plaintext.len() + TAG);
        sealed.extend_from_slice(&associated);
        sealed.extend_from_slice(&nonce);
        let start = sealed.len();
        sealed.extend_from_slice(plaintext);
        let body = sealed.get_mut(start..).ok_or_else(failed)?;
        let tag = self
            .cipher()
            .encrypt_inout_detached(&XNonce::from(nonce), &associated, body.into())
            .map_err(|_| failed())?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// The public description and the plaintext, authenticated; raises `share.tampered`.
    pub fn open_sealed(&self, sealed: &[u8]) -> Result<(KeyPublic, Zeroizing<Vec<u8>>)> {
        let short = || tampered("the sealed share is cut short");
        let (magic, rest) = sealed.split_first_chunk::<8>().ok_or_else(short)?;
        if magic != MAGIC {
            return Err(tampered("this is not a sealed share"));
        }
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let (described, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(short)?;
        let associated = sealed.get(..12 + described.len()).ok_or_else(short)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or_else(short)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or_else(short)?;
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        self.cipher()
            .decrypt_inout_detached(
                &XNonce::from(*nonce),
                associated,
                plaintext.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| tampered("the sealed share does not authenticate under this directory's key"))?;
        // Decoded only after it authenticated.
        let public =
            postcard::from_bytes(described).map_err(|_| tampered("the share's description does not decode"))?;
        Ok((public, plaintext))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|_| Refusal::internal("the system's random generator failed"))
}

fn io(code: &'static str, error: &std::io::Error) -> Refusal {
    Refusal::new(code, format!("seal key: {}", error.kind()))
}
