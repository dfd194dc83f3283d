//! The library's aborts as refusals with stable codes.

use dkls23_core::protocols::{Abort, AbortKind, AbortReason};

use crate::error::{BLAME, Refusal};

/// The same for signing, where a sum that misses the key is a wrong message, not a wrong key.
pub fn signing(abort: Abort) -> Refusal {
    let refusal = refusal(abort);
    if refusal.code == "key.polynomial" {
        return Refusal::new("session.inconsistent", "the participants' public shares do not add up to the key");
    }
    refusal
}

/// Only a ban (the library's word for a failed check on reusable oblivious-transfer state) is `session.blame`.
/// The other aborts depend on nothing secret; the party they name sent the offending message.
pub fn refusal(abort: Abort) -> Refusal {
    let message = abort.description();
    if let AbortKind::BanCounterparty(culprit) = abort.kind {
        return Refusal::new(BLAME, message).by(culprit.as_u8());
    }
    let (code, culprit) = match abort.reason {
        AbortReason::ProofVerificationFailed { counterparty } if counterparty == abort.index => {
            // Our own point differs from what we were dealt: somebody dealt a wrong fragment, nobody knows who.
            ("key.polynomial", None)
        }
        AbortReason::PolynomialInconsistency => ("key.polynomial", None),
        AbortReason::ProofVerificationFailed { counterparty }
        | AbortReason::ZeroShareDecommitFailed { counterparty }
        | AbortReason::MultiplicationVerificationFailed { counterparty, .. } => ("key.proof", Some(counterparty)),
        AbortReason::ChainCodeCommitmentFailed { party } => ("key.chain_code", Some(party)),
        AbortReason::SessionBindingMismatch { counterparty } => ("session.binding", Some(counterparty)),
        AbortReason::CommitmentMismatch { counterparty } | AbortReason::TrivialInstancePoint { counterparty } => {
            ("session.commitment", Some(counterparty))
        }
        AbortReason::MisroutedMessage { .. } => ("session.recipient", None),
        AbortReason::UnexpectedSender { .. } | AbortReason::DuplicateSender { .. } => ("session.sender", None),
        AbortReason::WrongMessageCount { .. } | AbortReason::MissingMessageFromParty { .. } => ("session.count", None),
        AbortReason::TrivialPublicKey | AbortReason::TrivialKeyShare => ("key.trivial", None),
        AbortReason::SignatureVerificationFailed | AbortReason::ZeroDenominator => ("session.signature", None),
        AbortReason::InvalidLocalState { .. } | AbortReason::MissingMulState { .. } => ("share.tampered", None),
        _ => ("session.aborted", None),
    };
    let refusal = Refusal::new(code, message);
    match culprit {
        Some(party) => refusal.by(party.as_u8()),
        None => refusal,
    }
}
