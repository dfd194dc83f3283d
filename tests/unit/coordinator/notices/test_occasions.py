"""What a notice says, from the state alone: payments, calls and messages, and nothing that people wrote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.coordinator.notices.notice import Event, Notice
from strongroom.coordinator.notices.occasions import of_entry, of_refusal, plain
from strongroom.custody.state import ContractCall, CustodyState, TransferId
from strongroom.documents.names import AccountId
from strongroom.store.records import Refusal
from tests.workspace import PAYEE, WEI, Workspace


@pytest.fixture
def desk() -> Workspace:
    return Workspace().ready()


def refused(state: CustodyState, name: str) -> Notice:
    (notice,) = of_refusal(state, Refusal(name, 1, "signer-1", "sign", "payload.recipients_differ", "no"))
    return notice


def changed(desk: Workspace, name: TransferId, **changes: object) -> CustodyState:
    transfer = desk.state.transfers[name]
    other = replace(transfer, intent=replace(transfer.intent, **changes))  # type: ignore[arg-type]
    return replace(desk.state, transfers=desk.state.transfers.set(name, other))


def test_each_operation_has_its_words(desk: Workspace) -> None:
    """A payment is its amount; a call says what it is about; a message moves nothing by itself."""
    name = desk.propose("alice", amount=str(5 * WEI))
    assert refused(desk.state, name).text.startswith("5 ETH from hot-eth by alice")
    call = changed(desk, name, call=ContractCall(AccountId(PAYEE), b"\x01\x02\x03\x04"))
    assert refused(call, name).text.startswith("A call about 5 ETH from hot-eth by alice")
    message = changed(desk, name, message=b"{}", amount=0)
    assert refused(message, name).text.startswith("A typed message from hot-eth by alice")


def test_the_same_occasion_has_one_id(desk: Workspace) -> None:
    """Told by two nodes, or again after a restart; another code is another notice."""
    name = desk.propose("alice", amount=str(5 * WEI))
    again = of_refusal(desk.state, Refusal(name, 9, "signer-2", "sign", "payload.recipients_differ", "no"))
    other = of_refusal(desk.state, Refusal(name, 9, "signer-2", "sign", "payload.amount_differs", "no"))
    assert [each.id for each in again] == [refused(desk.state, name).id] != [each.id for each in other]


def test_a_transfer_waits_once_under_the_same_obligations(desk: Workspace) -> None:
    """Its proposal and a policy that leaves its obligations alone tell the same; who approved is asked no more."""
    name = desk.propose("alice", amount=str(5 * WEI))
    (proposed,) = of_entry(desk.state, desk.entries[-1])
    assert proposed.event is Event.WAITS_FOR_YOU and proposed.people == {"bob", "carol"}
    desk.approve(name, "bob", proposed.about[1])
    assert list(of_entry(desk.state, desk.entries[-1])) == []
    (again,) = of_entry(desk.state, replace(desk.entries[-1], kind="policy.adopted"))
    assert again.id == proposed.id and again.people == {"carol"}


@pytest.mark.parametrize("label", ["<b>", "@everyone", "[x](https://y)", "`rm`", "*_~", "a\u202eb"])
def test_labels_lose_what_a_channel_could_read_as_markup(label: str) -> None:
    assert not set(plain(label)) & set("<>@[]()`*_~:/\u202e")
