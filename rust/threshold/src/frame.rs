//! The header of every protocol message.
//!
//! ```text
//! offset 0   version      1        (FRAME_VERSION)
//!        1   scheme       1
//!        2   purpose      1        1 keygen, 2 sign, 3 refresh
//!        3   round        1        1, 2, ...
//!        4   sender       1        1..=n
//!        5   recipient    1        0 = broadcast
//!        6   session id   32
//!        38  view         32       digest of the session's parameters and of every broadcast of earlier rounds
//!        70  body
//! ```
//!
//! The view is the echo check: whoever was shown another broadcast in round r sends another view in
//! round r + 1, and every honest party that receives it stops.

use crate::error::{Refusal, Result};
use crate::hash::Hash;
use crate::scheme::Scheme;

pub const FRAME_VERSION: u8 = 1;
pub const HEADER_LENGTH: usize = 70;
/// The largest message (oblivious-transfer set-up of DKLs23) has 143 kB.
pub const MAX_MESSAGE: usize = 256 * 1024;
pub const BROADCAST: u8 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    Keygen = 1,
    Sign = 2,
    Refresh = 3,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub scheme: u8,
    pub purpose: u8,
    pub round: u8,
    pub sender: u8,
    pub recipient: u8,
    pub session_id: Hash,
    pub view: Hash,
}

impl Header {
    pub fn new(scheme: Scheme, purpose: Purpose, session_id: Hash) -> Self {
        Self {
            scheme: scheme as u8,
            purpose: purpose as u8,
            round: 0,
            sender: 0,
            recipient: 0,
            session_id,
            view: [0; 32],
        }
    }
}

pub fn encode(header: &Header, body: &[u8]) -> Vec<u8> {
    let Header { scheme, purpose, round, sender, recipient, session_id, view } = header;
    let mut out = Vec::with_capacity(HEADER_LENGTH + body.len());
    out.extend_from_slice(&[FRAME_VERSION, *scheme, *purpose, *round, *sender, *recipient]);
    out.extend_from_slice(session_id);
    out.extend_from_slice(view);
    out.extend_from_slice(body);
    out
}

/// Split a message into header and body; raises `session.too_large`, `session.malformed`, `session.version`.
pub fn decode(data: &[u8]) -> Result<(Header, &[u8])> {
    if data.len() > MAX_MESSAGE {
        return Err(Refusal::new(
            "session.too_large",
            format!("message of {} bytes, at most {MAX_MESSAGE}", data.len()),
        ));
    }
    let short = || Refusal::new("session.malformed", "message shorter than its header");
    let (&[version, scheme, purpose, round, sender, recipient], rest) = data.split_first_chunk().ok_or_else(short)?;
    let (&session_id, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (&view, body) = rest.split_first_chunk().ok_or_else(short)?;
    if version != FRAME_VERSION {
        return Err(Refusal::new(
            "session.version",
            format!("message version {version}, this core speaks {FRAME_VERSION}"),
        ));
    }
    Ok((Header { scheme, purpose, round, sender, recipient, session_id, view }, body))
}
