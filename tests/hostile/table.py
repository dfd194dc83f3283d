"""The attacks by number: what is attempted, who refuses it, for which reason, and the tests that try it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WIDEST: Final = 60  # letters of an attack's description, so that the table fits a screen


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack; without tests it does not apply yet, and `absent` says what does not exist."""

    number: int
    what: str
    by: str = ""
    reasons: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    absent: str = ""


_FOLD: Final = "every replica"
_ETHEREUM: Final = "wallets are accounts on EVM chains"

ATTACKS: Final = (
    Attack(1, "a proposal as an approval", _FOLD, ("statement.wrong_kind",), ("test_attack_1_",)),
    Attack(2, "a rejection as an approval", _FOLD, ("statement.wrong_kind",), ("test_attack_2_",)),
    Attack(3, "an approval from the staging workspace", _FOLD, ("statement.other_workspace",), ("test_attack_3_",)),
    Attack(
        5, "one person fills two places of a quorum", _FOLD,
        ("approval.person_already_counted",), ("test_attack_5_",),
    ),
    Attack(
        6, "an approval says another surface", _FOLD, ("approval.surface_is_the_credentials",), ("test_attack_6_",),
    ),
    Attack(
        7, "an assertion without user verification, or across origins", _FOLD,
        ("webauthn.user_not_verified", "webauthn.type", "webauthn.cross_origin"), ("test_attack_7_",),
    ),
    Attack(
        9, "a synced passkey where a device-bound one is asked for", _FOLD, ("credential.backup_eligible",),
        ("test_attack_9_",),
    ),
    Attack(
        10, "a token replayed, expired, for another call or algorithm", _FOLD,
        ("jwt.replayed", "jwt.expired_at_entry_time", "jwt.uri", "jwt.alg", "statement.other_workspace",
         "document.duplicate_key"), ("test_attack_10_",),
    ),
    Attack(
        11, "a second authorization of one intent", _FOLD, ("intent.already_anchored",), ("test_attack_11_",),
    ),
    Attack(13, "a reported failure to open an intent again", _FOLD, ("intent.closed",), ("test_attack_13_",)),
    Attack(14, "two intents on one nonce", _FOLD, ("anchor.in_use",), ("test_attack_14_",)),
    Attack(
        15, "a replacement with another recipient, amount or fee", _FOLD,
        ("payload.recipients_differ", "payload.amount_differs", "fee.over_ceiling"), ("test_attack_15_",),
    ),
    Attack(18, "other sighashes, annexes, foreign inputs", absent=f"{_ETHEREUM}: no Bitcoin yet"),
    Attack(19, "a thousand transfers at the fee ceiling", _FOLD, ("fee.window_exceeded",), ("test_attack_19_",)),
    Attack(21, "delegatecall and module changes hidden in a batch", absent=f"{_ETHEREUM}: no Safe yet"),
    Attack(
        22, "unlimited allowances, other transaction types, bare digests", _FOLD,
        ("operation.allowance_unbounded", "message.unknown_type", "payload.tx_type", "payload.raw_digest"),
        ("test_attack_22_",),
    ),
    Attack(24, "amounts in other spellings", "documents", ("amount.syntax",), ("test_attack_24_",)),
    Attack(
        26, "assets without a fresh valuation", _FOLD, ("valuation.missing", "valuation.stale"), ("test_attack_26_",),
    ),
    Attack(28, "a destination that derives from no logged key", absent=f"{_ETHEREUM}: no Safe, no Bitcoin yet"),
    Attack(
        29, "a forged or absent screening result", _FOLD, ("screening.not_signed", "screening.other_intent"),
        ("test_attack_29_",),
    ),
    Attack(
        30, "a coordinator from last week's backup", "every witness", ("checkpoint.not_extending",),
        ("test_attack_30_", "test_an_old_copy_of_the_database_forks_nothing"),
    ),
    Attack(
        32, "a witness change by one quorum", _FOLD, ("witnesses.joint_quorum_missing",), ("test_attack_32_",),
    ),
    Attack(
        33, "a stop withheld from the log", "signers, guardian", ("workspace.frozen", "stop.pending"),
        ("test_attack_33_", "test_a_freeze_that_the_coordinator_withholds_stops_every_signer"),
    ),
    Attack(
        34, "a signature under an old head; a freeze logged afterwards", "signers",
        ("checkpoint.stale", "workspace.frozen"), ("test_attack_34_",),
    ),
    Attack(
        35, "entries of another hour; a clock that runs ahead", "witnesses; signer",
        ("time.outside_skew", "delay.not_elapsed"),
        ("test_attack_35_", "test_entries_of_another_hour_are_accepted_by_nobody"),
    ),
    Attack(
        37, "a restored disk, a clone beside the original", "itself; its peers",
        ("rejoin.heads_missing", "share.restored", "session.boot_superseded"), ("test_attack_37_",),
    ),
    Attack(
        38, "the coordinator's own signer; a log of another workspace", "every replica; nodes",
        ("enrolment.not_by_administrators", "workspace.not_created_here"), ("test_attack_38_",),
    ),
    Attack(40, "a cold station shown a false past", absent="no cold station yet"),
    Attack(
        41, "a cosigner probes the oblivious-transfer state", "threshold core, signer",
        ("session.blame", "signer.barred", "session.budget_spent", "share.restored"), ("test_attack_41_",),
    ),
    Attack(42, "a last message withheld, then another payload", _FOLD, ("anchor.in_use",), ("test_attack_42_",)),
    Attack(
        43, "cheats in key generation", "threshold core; every replica",
        ("session.broadcast_differs", "session.sender", "key.commitment", "key.transcript_differs"),
        ("test_attack_43_",),
    ),
    Attack(
        44, "tails dropped, stale statements, an old branch completed", "witnesses; every replica",
        ("checkpoint.not_extending", "repair.stale_statement", "witnesses.joint_quorum_missing"),
        ("test_attack_44_",),
    ),
    Attack(
        0, "lies in the log of nineteen kinds; payloads never logged",
        "every node", ("payload.recipients_differ", "approvals.missing", "credential.bad_signature",
                       "authority.threshold", "payload.not_authorized"),
        ("test_a_lie_in_the_log_", "test_signers_sign_nothing_that_the_log_does_not_authorize"),
    ),
    Attack(
        0, "a forged, old, foreign or uncosigned log shown to a person",
        "the approver's machine", ("statement.unknown_key", "checkpoint.no_quorum", "checkpoint.stale",
                                   "checkpoint.not_extending", "workspace.not_created_here"),
        ("test_an_approvers_machine_",),
    ),
    Attack(
        0, "a suspended person's later approval", _FOLD, ("person.suspended",), ("test_a_suspended_person_",),
    ),
    Attack(
        0, "each role, and a stolen cookie, at every route", "the coordinator's guards", (),
        ("test_every_route_answers_", "test_the_table_lists_every_route"),
    ),
    Attack(
        0, "the coordinator's database edited by SQL", "nodes: their copy is adopted", (),
        ("test_a_database_edited_by_sql_changes_nothing",),
    ),
)  # fmt: skip
"""Number 0: attacks that the list of numbers does not name."""


def tried_by(attack: Attack, test: str) -> bool:
    """Whether a test function (its bare name) tries the attack."""
    return any(test.startswith(name) for name in attack.tests)
