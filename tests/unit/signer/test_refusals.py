"""What a node refuses by name although something behind it would stumble over it as well."""

from __future__ import annotations

import pytest

from strongroom.wire.frame import Frame
from tests.unit.signer.fleet import SIGNERS, Fleet, codes
from tests.workspace import Workspace


@pytest.fixture
def fleet() -> Fleet:
    return Fleet().ready()


def told(fleet: Fleet, sender: str, kind: str, **head: object) -> list[Frame]:
    """What signer-1 says, to whomever, to a frame of another node."""
    node = fleet.nodes["signer-1"]
    node.receive(Frame(kind, sender, "signer-1", head))
    said, node.outbox[:] = list(node.outbox), []
    return said


@pytest.mark.parametrize("sender", ["signer-1", "signer-9"], ids=["the own name", "nobody enrolled"])
def test_a_question_in_the_own_name_or_by_a_stranger_is_not_answered(fleet: Fleet, sender: str) -> None:
    said = told(fleet, sender, "challenge", nonce="11" * 32)
    assert codes(said) == ["session.sender"] and not [frame for frame in said if frame.kind == "answer"]


def test_an_answer_to_no_question_is_refused(fleet: Fleet) -> None:
    (answer,) = (f for f in told(fleet, "signer-2", "challenge", nonce="11" * 32) if f.kind == "answer")
    head = dict(answer.head)
    fleet.nodes["signer-2"].receive(Frame("answer", "signer-1", "signer-2", head))
    assert codes(fleet.nodes["signer-2"].outbox) == ["rejoin.answer"]


def test_a_relay_of_stops_brings_nothing_else(fleet: Fleet) -> None:
    node = fleet.nodes["signer-1"]
    node.receive_stop(Frame("head.ask", "relay", "signer-1", {}))
    assert [frame.head["code"] for frame in node.relayed if frame.kind == "refused"] == ["frame.unknown_kind"]


def test_a_key_order_carries_no_crowd_of_statements(fleet: Fleet) -> None:
    order = fleet.order("second")
    statement = fleet.home.statement("alice", "key.generate", order).to_doc()
    frames = fleet.tell(SIGNERS, "keygen", order=order, orders=[statement] * 65, nonce="aa" * 32)
    assert codes(frames) == ["evidence.count"] * len(SIGNERS)


def test_a_scheme_that_the_policy_allows_and_the_core_does_not_know_is_refused() -> None:
    home = Workspace()
    home.policy["tiers"]["hot"]["schemes"].append("ecdsa-of-tomorrow")
    fleet = Fleet(home.create()).ready()
    order = fleet.order("second", "ecdsa-of-tomorrow")
    orders = [fleet.home.statement(person, "key.generate", order).to_doc() for person in ("alice", "bob")]
    assert codes(fleet.tell(SIGNERS, "keygen", order=order, orders=orders, nonce="aa" * 32)) == ["key.scheme"] * 3


def test_a_session_waits_for_the_start_of_everybody_in_it() -> None:
    fleet = Fleet()
    fleet.append()
    fleet.tick(1000)
    fleet.sequence()
    order = fleet.order()
    orders = [fleet.home.statement(person, "key.generate", order).to_doc() for person in ("alice", "bob")]
    frames = fleet.tell(SIGNERS, "keygen", order=order, orders=orders, nonce="aa" * 32)
    assert set(codes(frames)) == {"session.not_started"}
