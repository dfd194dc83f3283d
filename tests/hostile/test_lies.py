"""Lies in the log: each is refused by the nodes, with its reason; no honest state changes and nothing is signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from strongroom.lab.layout import NODES as NAMES
from strongroom.lab.layout import SIGNERS
from tests.e2e.conftest import Lab
from tests.hostile.attacker import THIEF
from tests.hostile.conftest import QUORUM_BLOCKED, Siege, audited, sent

Besiege = Callable[..., Any]
AFTER_AN_HONEST_ONE = ("twice", "replaced")

LIES = [
    ("recipient", {}, "payload.recipients_differ"),
    ("token_recipient", {"asset": "LUSD", "amount": 1_000_000}, "payload.recipients_differ"),
    ("amount", {}, "payload.amount_differs"),
    ("chain_id", {}, "payload.chain_differs"),
    ("gas_ceiling", {}, "fee.over_ceiling"),
    ("nonce", {}, "payload.anchor_differs"),
    ("calldata", {}, "payload.data_differs"),
    ("dropped_approval", {"by": "alice", "amount": 5 * 10**18}, "approvals.missing"),
    ("invented", {}, "statement.unknown_key"),
    ("altered", {}, "credential.bad_signature"),
    ("replayed", {}, "intent.idempotency_used"),
    ("proposal_as_approval", {"by": "alice", "amount": 5 * 10**18}, "statement.wrong_kind"),
    ("twice", {}, "intent.already_anchored"),
    ("replaced", {}, "payload.recipients_differ"),
    ("own_policy", {}, "authority.threshold"),
    ("adopted", {}, "policy.no_proposal"),
    ("own_signer", {}, "enrolment.not_by_administrators"),
    ("own_wallet", {}, "authority.threshold"),
    ("log_key_freezes_end", {}, "authority.threshold"),
]


@pytest.fixture(scope="module")
def siege(besiege: Besiege) -> Iterator[Siege]:
    """One attacker for all lies of the table."""
    with besiege() as under:
        yield under


@pytest.mark.parametrize(("attack", "changes", "code"), LIES, ids=[name for name, _, _ in LIES])
def test_a_lie_in_the_log_is_refused_and_changes_no_honest_state(
    lab: Lab, siege: Siege, attack: str, changes: dict[str, Any], code: str
) -> None:
    siege.forget()
    proposed = siege.propose(attack, **changes)
    refusing = siege.refused(code, QUORUM_BLOCKED)
    assert refusing <= set(NAMES)
    lab.actions.member(changes.get("by", "exchange")).state("transfer.cancel", {"transfer": proposed["id"]}, stop=True)
    lab.actions.watch(proposed["id"], lambda document: bool(document["closed"]))
    state = audited(lab).state
    transfer = state.transfers[proposed["id"]]
    paying = [payload for payload in transfer.payloads if not payload.null]
    assert len(paying) == (1 if attack in AFTER_AN_HONEST_ONE else 0)
    assert len(state.wallets) == 1 and state.policy is not None and state.policy.version == 1
    assert {t.intent.why for t in state.transfers.values() if THIEF in t.intent.to} == set()
    assert lab.actions.rpc.balance(THIEF) == 0


def test_signers_sign_nothing_that_the_log_does_not_authorize(lab: Lab, siege: Siege) -> None:
    siege.forget()
    before = sent(lab)
    proposed = siege.propose("unlogged")
    assert siege.refused("payload.not_authorized", len(SIGNERS)) == set(SIGNERS)
    lab.actions.member("exchange").state("transfer.cancel", {"transfer": proposed["id"]}, stop=True)
    assert sent(lab) == before
    audited(lab)
