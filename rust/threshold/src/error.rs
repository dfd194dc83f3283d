//! The one error of this crate: a stable code, a sentence without secrets, and who is to blame.

use std::fmt;

/// Why a session, a share or a request was refused.
///
/// `culprits` are the indices of parties whose own authenticated words prove the fault; it stays empty where
/// a relay or an old message could have caused it. Only the code [`BLAME`] asks for a ban of the pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
    pub culprits: Vec<u8>,
}

/// A counterparty failed a check on reusable oblivious-transfer state: it may have learned one bit of it.
/// The pair (root key, both signers) must be barred durably before anything else is sent.
pub const BLAME: &str = "session.blame";

pub type Result<T> = std::result::Result<T, Refusal>;

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), culprits: Vec::new() }
    }

    /// The same refusal, blaming one party.
    pub fn by(mut self, culprit: u8) -> Self {
        self.culprits.push(culprit);
        self
    }

    /// A message body that does not decode; `sender` wrote it.
    pub fn malformed(sender: u8, what: &str) -> Self {
        Self::new("session.malformed", format!("{what} of party {sender} does not decode")).by(sender)
    }

    /// A state that only a programming error or damaged memory can reach.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("core.internal", message)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}
