"""The last word before a signature holds by itself, even on a state that the fold would never have made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.chains.evm.transaction import digest
from strongroom.custody.permission import may_sign
from strongroom.custody.state import CustodyState, Payload, Transfer, TransferId
from strongroom.errors import StrongroomError
from tests.workspace import OTHER, Workspace


@pytest.fixture
def name(home: Workspace) -> TransferId:
    """An authorized transfer of the workspace."""
    transfer = home.propose()
    home.authorize(transfer)
    return transfer


def code(home: Workspace, state: CustodyState, name: TransferId, which: str | None = None) -> str:
    wanted = which or state.transfers[name].payloads[-1].digest
    with pytest.raises(StrongroomError) as caught:
        may_sign(state, name, wanted, home.time)
    return caught.value.code


def altered(state: CustodyState, name: TransferId, **changes: Any) -> CustodyState:
    transfer: Transfer = replace(state.transfers[name], **changes)
    return replace(state, transfers=state.transfers.set(name, transfer))


def payload(home: Workspace, name: TransferId, **changes: Any) -> Payload:
    raw = home.payload(name, **changes)
    return Payload(digest(raw).hex(), raw, 21000 * 3 * 10**9, False, home.time)


def test_only_authorized_payloads_of_known_transfers_are_signed(home: Workspace, name: TransferId) -> None:
    assert may_sign(home.state, name, home.state.transfers[name].payloads[0].digest, home.time)
    assert code(home, home.state, name, "00" * 32) == "payload.not_authorized"
    assert code(home, altered(home.state, name, authorization=None), name) == "payload.not_authorized"


def test_i5_the_anchor_is_the_transfers_own(home: Workspace, name: TransferId) -> None:
    other = replace(home.state, anchors=home.state.anchors.set(("hot-eth", 0), TransferId("00" * 32)))
    assert code(home, other, name) == "anchor.in_use"


def test_attack_42_another_payload_of_another_intent_on_the_same_anchor_is_refused(
    home: Workspace, name: TransferId
) -> None:
    second = home.propose(to=OTHER)
    home.authorize(second)
    anchor = home.state.transfers[name].authorization
    assert code(home, altered(home.state, second, authorization=anchor), second) == "anchor.in_use"


def test_i13_the_payload_is_decoded_again(home: Workspace, name: TransferId) -> None:
    false = payload(home, name, to=OTHER.rsplit(":", 1)[1])
    assert code(home, altered(home.state, name, payloads=(false,)), name) == "payload.recipients_differ"
    honest = home.state.transfers[name].payloads[0]
    renamed = replace(honest, digest="ab" * 32)
    assert code(home, altered(home.state, name, payloads=(renamed,)), name) == "payload.digest"


def test_the_fee_stays_under_the_rule_s_ceiling(home: Workspace, name: TransferId) -> None:
    dear = replace(home.state.transfers[name].payloads[0], fee=10**18)
    assert code(home, altered(home.state, name, payloads=(dear,)), name) == "fee.over_ceiling"


def test_a_null_replacement_is_signed_for_what_has_ended_only(home: Workspace, name: TransferId) -> None:
    own = home.state.wallets["hot-eth"].address
    null = replace(payload(home, name, to=own, value=0, data=b""), null=True)
    assert code(home, altered(home.state, name, payloads=(null,)), name) == "payload.not_authorized"
    ended = altered(home.state, name, payloads=(null,), closed="cancelled by exchange")
    assert may_sign(ended, name, null.digest, home.time) == null
