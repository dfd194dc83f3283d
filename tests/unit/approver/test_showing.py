"""What the machine shows of a transfer, from its own state: whom it pays, what it owes, whether it waits for you."""

from __future__ import annotations

import pytest

from strongroom.approver.showing import find, newest_first, row, shown, waits_for
from strongroom.chains.evm.checksum import checksum
from strongroom.custody.state import TransferId
from strongroom.errors import InvalidInput
from tests.operations import FIVE, approve, letter, with_operations
from tests.workspace import ETH, HOUR, OTHER, PAYEE, TOKEN, WEI, Workspace


def test_a_transfer_in_full(home: Workspace, asked: TransferId) -> None:
    document = shown(home.state, home.state.transfers[asked], "bob", home.time)
    assert document["to"]["address"] == checksum(PAYEE.rpartition(":")[2]) and document["to"]["listed_as"] == []
    assert document["amount"] == {"base_units": str(2 * WEI), "text": "2 ETH"} and document["asset"] == ETH
    assert document["initiator"] == "alice" and document["wallet"]["name"] == "hot-eth"
    assert document["decision"]["rule"] == "larger ETH" and "2 of treasury" in document["terms"]
    assert document["awaiting"]["code"] == "approvals.missing" and document["waits_for_you"]
    assert document["payloads"] == []


def test_the_label_is_the_lists_own(home: Workspace) -> None:
    listing = {"account": PAYEE, "group": "vendors", "label": "the printer"}
    home.granted("address.listed", "address.list", listing, ["carol"])
    home.time += 61_000
    name = home.propose("alice", asset=TOKEN, amount="5000000")
    document = shown(home.state, home.state.transfers[name], "bob", home.time)
    assert document["to"]["listed_as"] == ["the printer"] and document["amount"]["text"] == "5 LUSD"


def test_a_payload_is_decoded_here(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    lines = shown(home.state, home.state.transfers[name], "bob", home.time)["payloads"][0]["explained"]
    assert checksum(PAYEE.rpartition(":")[2]) in lines[0] and f"{WEI // 2} base units" in lines[0]


def test_it_waits_for_those_whose_approval_is_lacking(home: Workspace, asked: TransferId) -> None:
    def waiting() -> set[str]:
        state = home.state
        everybody = ("alice", "bob", "carol", "exchange")
        return {name for name in everybody if waits_for(state, state.transfers[asked], name, home.time)}

    assert waiting() == {"bob", "carol"}
    obligations = shown(home.state, home.state.transfers[asked], "bob", home.time)["decision"]["digest"]
    home.approve(asked, "bob", obligations)
    assert waiting() == {"carol"}
    home.approve(asked, "carol", obligations)
    assert waiting() == set()


def test_what_is_denied_says_why_and_waits_for_nobody(home: Workspace, asked: TransferId) -> None:
    late = row(home.state, home.state.transfers[asked], "bob", home.time + 2 * HOUR)
    assert late["awaiting"]["code"] == "intent.expired" and not late["waits_for_you"]
    home.stopped("workspace.frozen", "workspace.freeze", {"scope": "workspace", "target": "", "reason": "x"}, ["bob"])
    frozen = row(home.state, home.state.transfers[asked], "bob", home.time)
    assert frozen["awaiting"]["code"] == "workspace.frozen" and not frozen["waits_for_you"]
    home.stopped("transfer.rejected", "transfer.reject", {"transfer": asked}, ["bob"])
    assert row(home.state, home.state.transfers[asked], "bob", home.time)["awaiting"] is None


def test_transfers_are_found_by_how_they_begin(home: Workspace, asked: TransferId) -> None:
    other = home.propose()
    assert [each.id for each in newest_first(home.state)] == [other, asked]
    assert find(home.state, asked[:6]).id == asked
    for text in (asked[:5], "zz" * 8):
        with pytest.raises(InvalidInput, match=r"transfer\.unknown"):
            find(home.state, text)


def test_a_call_and_a_message_say_what_they_do() -> None:
    home = Workspace()
    home.policy = with_operations(home.policy)
    home.ready()
    allowance, letter_ = home.propose(call=approve()), home.propose(message=letter(text="No.\u202e"))
    document = shown(home.state, home.state.transfers[allowance], "bob", home.time)
    spender = checksum(OTHER.rpartition(":")[2])
    assert document["operation"] == "call" and document["to"]["address"] == spender
    assert document["does"] == [f"lets {spender} spend 5 LUSD ({FIVE} base units of {TOKEN})"]
    said = shown(home.state, home.state.transfers[letter_], "bob", home.time)
    assert said["operation"] == "message" and "text: No.\\u202e" in said["does"]
