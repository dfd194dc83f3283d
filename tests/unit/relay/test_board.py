"""Stops on their way: a relay believes nothing, keeps little, and tells only what nodes have signed."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from strongroom.documents.credentials import SigningKey
from strongroom.documents.statement import statement_hash
from strongroom.errors import InvalidInput, Refused
from strongroom.relay import board as module
from strongroom.wire.frame import Frame
from strongroom.wire.stops import receipt
from tests.unit.relay.town import Town
from tests.unit.signer.fleet import accepts_in, codes
from tests.workspace import NODES


@pytest.fixture
def town() -> Town:
    return Town()


def test_a_stop_at_a_relay_binds_every_node_and_the_answer_says_who_holds_it_signed(town: Town) -> None:
    transfer, digest = town.fleet.transfer()
    freeze = town.freeze()
    answer = town.hand("east", freeze)
    assert set(answer["held"]) == set(NODES) and not answer["refused"] and not answer["silent"]
    for node, signature in answer["held"].items():
        signed = receipt(town.fleet.id, node, statement_hash(freeze))
        town.keys[node].verify(signed, bytes.fromhex(signature))
    assert codes(town.fleet.sign(transfer, digest)) == ["workspace.frozen"] * 2


def test_the_guardian_carries_a_stop_from_one_relay_to_the_other(town: Town) -> None:
    town = Town(town.fleet, east=("guardian-1",), west=("guardian-1", "signer-1", "signer-2", "signer-3"))
    transfer, digest = town.fleet.transfer()
    assert set(town.hand("east", town.freeze())["held"]) == {"guardian-1"}
    assert codes(town.fleet.sign(transfer, digest)) == ["workspace.frozen"] * 2


def test_a_stop_that_a_node_got_as_a_file_reaches_everybody(town: Town) -> None:
    transfer, digest = town.fleet.transfer()
    town.fleet.nodes["signer-3"].take_stop(town.freeze().to_doc())
    town.carry()
    assert codes(town.fleet.sign(transfer, digest)) == ["workspace.frozen"] * 2


def test_a_node_that_was_away_is_handed_what_it_missed_and_a_relay_that_starts_anew_hears_of_it(town: Town) -> None:
    town = Town(town.fleet, east=("signer-1",))
    transfer, digest = town.fleet.transfer()
    assert set(town.hand("east", town.freeze())["held"]) == {"signer-1"}
    town.links["east"] = NODES
    town.boards["east"] = town.board("east")  # it has forgotten everything
    town.fleet.nodes["signer-1"].relay_connected()
    town.carry()
    assert codes(town.fleet.sign(transfer, digest, ("signer-2", "signer-3"))) == ["workspace.frozen"] * 2


def test_a_node_that_refuses_is_named_with_its_code_and_is_asked_again_later(town: Town) -> None:
    rejection = {"transfer": town.fleet.home.propose()}  # the coordinator has not sent the proposal yet
    envelope = town.fleet.home.statement("bob", "transfer.reject", rejection, bare=True)
    answer = town.hand("east", envelope)
    assert {node: said["code"] for node, said in answer["refused"].items()} == dict.fromkeys(NODES, "transfer.unknown")
    town.fleet.sequence(since=len(town.fleet.home.entries) - 1)
    town.tick(10_000)
    assert all(len(node._here.stops) == 1 for node in town.fleet.nodes.values())


def test_nobody_is_waited_for_longer_than_two_seconds(town: Town) -> None:
    board = town.boards["east"]
    board.ask("a", Frame("stop", "bob", "relay", {"envelope": town.freeze().to_doc()}), town.answers.append)
    town.fleet.now += module.PATIENCE - 1
    board.tick()
    assert town.answers == []
    town.fleet.now += 1
    board.tick()
    assert set(town.answers[0].head["silent"]) == set(NODES) and town.answers[0].head["held"] == {}


def test_without_a_node_the_answer_is_at_once_that_nobody_holds_it(town: Town) -> None:
    town = Town(town.fleet, east=())
    board = town.boards["east"]
    board.ask("a", Frame("stop", "bob", "relay", {"envelope": town.freeze().to_doc()}), town.answers.append)
    assert town.answers[0].head | {"statement": ""} == {"statement": "", "held": {}, "refused": {}, "silent": []}


def asked(town: Town, head: dict[str, Any], kind: str = "stop", address: str = "192.0.2.1") -> str:
    town.boards["east"].ask(address, Frame(kind, "bob", "relay", head), town.answers.append)
    return str(town.answers.pop().head.get("code")) if town.answers else ""


def test_what_is_no_stop_of_this_workspace_goes_no_further(town: Town) -> None:
    grant = town.fleet.home.statement("alice", "address.list", {"a": 1})
    other = town.fleet.home.statement("bob", "workspace.freeze", {}, bare=True, workspace="00" * 32)
    assert asked(town, {"envelope": grant.to_doc()}) == "statement.wrong_kind"
    assert asked(town, {"envelope": other.to_doc()}) == "statement.wrong_kind"
    assert asked(town, {"envelope": {}}) == "document.missing_field"
    assert asked(town, {}) == "document.missing_field"
    assert asked(town, {"envelope": town.freeze().to_doc()}, "hello") == "frame.unknown_kind"
    assert town.queue == []


def junk(town: Town, number: int) -> dict[str, Any]:
    """A well-formed stop that no node takes."""
    return town.fleet.home.statement("bob", "workspace.freeze", {"n": number}, bare=True).to_doc()


def test_one_address_may_bring_a_few_stops_and_then_one_a_second(town: Town) -> None:
    _, burst = module.GUEST_RATE
    found = [asked(town, {"envelope": junk(town, n)}) for n in range(int(burst) + 1)]
    assert found[-1] == "request.too_many" and set(found[:-1]) == {""}
    assert asked(town, {"envelope": town.freeze().to_doc()}, address="198.51.100.7") == ""
    town.fleet.now += 1_000
    assert asked(town, {"envelope": town.freeze().to_doc()}) == ""


def test_rubbish_pushes_no_stop_out_that_a_node_holds(town: Town) -> None:
    freeze = town.freeze()
    town.hand("east", freeze)
    for number in range(2 * module.MOST_KEPT):
        asked(town, {"envelope": junk(town, number)}, address=str(number))
        town.tick(2_000)
    kept = town.boards["east"]._posts
    assert len(kept) == module.MOST_KEPT and statement_hash(freeze) in kept


def test_a_receipt_that_the_node_has_not_signed_ends_its_connection(town: Town) -> None:
    name = hashlib.sha256(b"stop").hexdigest()
    forged = SigningKey.generate().sign(receipt(town.fleet.id, "signer-1", name)).hex()
    latched = Frame("latched", "signer-1", "relay", {"statement": name, "signature": forged})
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        town.boards["east"].take("signer-1", latched)
    with pytest.raises(InvalidInput, match=r"frame\.unknown_kind"):
        town.boards["east"].take("signer-1", Frame("head", "signer-1", "relay", {}))


def test_a_node_that_never_stops_talking_is_cut_off(town: Town) -> None:
    refused = Frame("refused", "signer-1", "relay", {"ref": "", "code": "", "message": ""})
    with pytest.raises(Refused, match=r"request\.too_many"):
        for _ in range(int(module.NODE_RATE[1]) + 1):
            town.boards["east"].take("signer-1", refused)


def test_a_relay_can_bring_a_node_nothing_but_stops(town: Town) -> None:
    node = town.fleet.nodes["signer-1"]
    before = town.fleet.digest("signer-1")
    for kind in ("append", "sign", "head.ask", "cosign", "peer", "challenge"):
        node.relayed.clear()
        node.receive_stop(Frame(kind, "relay", "signer-1", {}))
        assert [frame.head["code"] for frame in node.relayed] == ["frame.unknown_kind"] and not node.outbox
    assert town.fleet.digest("signer-1") == before


def test_after_a_minute_the_guardian_cosigns_nothing_without_a_stop_that_came_by_a_relay(town: Town) -> None:
    """Attack 33: withheld from the log, it holds the log up until it is there."""
    town.hand("west", town.freeze())
    town.tick(60_001)
    size = len(town.fleet.home.entries)
    town.fleet.home.time = town.fleet.now
    town.fleet.home.propose()
    found = town.fleet.append(since=size)
    assert set(codes(town.fleet.cosign(accepts_in(found)))) == {"stop.pending"}
