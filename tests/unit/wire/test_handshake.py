"""Both ends of a relay connection prove who they are, for this connection only."""

from __future__ import annotations

import pytest

from strongroom.errors import InvalidInput, Refused, StrongroomError
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import NodeSide
from strongroom.wire.listener import ListenerSide
from tests.workspace import seeded

ID = "ab" * 32
NODE, LOG = seeded("signer-1"), seeded("coordinator")
ENROLLED = {"signer-1": NODE.credential}


def sides(theirs: str = ID) -> tuple[ListenerSide, NodeSide]:
    return ListenerSide(theirs, LOG, "01" * 32), NodeSide(ID, "signer-1", NODE, "02" * 32)


def test_an_enrolled_node_and_the_coordinator_know_each_other() -> None:
    coordinator, node = sides()
    name, ready = coordinator.on_hello(node.on_welcome(coordinator.welcome()), ENROLLED)
    node.on_ready(ready, LOG.credential)
    assert name == "signer-1"


def test_a_relay_of_another_workspace_is_refused() -> None:
    coordinator, node = sides("cd" * 32)
    with pytest.raises(Refused, match=r"workspace\.not_created_here"):
        node.on_welcome(coordinator.welcome())


def test_a_node_that_is_not_enrolled_or_does_not_hold_the_key_is_refused() -> None:
    coordinator, node = sides()
    hello = node.on_welcome(coordinator.welcome())
    with pytest.raises(Refused, match=r"node\.unknown"):
        coordinator.on_hello(hello, {})
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        coordinator.on_hello(hello, {"signer-1": LOG.credential})


def test_a_hello_or_a_ready_of_another_connection_counts_for_nothing() -> None:
    coordinator, node = sides()
    hello = node.on_welcome(coordinator.welcome())
    again = ListenerSide(ID, LOG, "03" * 32)
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        again.on_hello(hello, ENROLLED)
    _, ready = coordinator.on_hello(hello, ENROLLED)
    later = NodeSide(ID, "signer-1", NODE, "04" * 32)
    later.on_welcome(again.welcome())
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        later.on_ready(ready, LOG.credential)


def test_a_relay_cannot_pass_for_a_node_at_another_with_the_hello_that_it_was_sent() -> None:
    evil, hub = seeded("evil"), ListenerSide(ID, LOG, "01" * 32)
    node = NodeSide(ID, "signer-1", NODE, "02" * 32, evil.credential.key_id)
    hello = node.on_welcome(hub.welcome())  # the relay hands on the coordinator's own question
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        hub.on_hello(hello, ENROLLED)
    there = ListenerSide(ID, evil, "01" * 32, evil.credential.key_id)
    _, ready = there.on_hello(hello, ENROLLED)
    node.on_ready(ready, evil.credential)
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        node.on_ready(ready, LOG.credential)


def test_before_the_first_entry_the_coordinators_key_is_not_known_yet() -> None:
    coordinator, node = sides()
    _, ready = coordinator.on_hello(node.on_welcome(coordinator.welcome()), ENROLLED)
    node.on_ready(ready, None)


@pytest.mark.parametrize(
    "frame",
    [
        Frame("hello", "coordinator", "node", {"workspace": ID, "nonce": "01" * 32}),
        Frame("welcome", "coordinator", "node", {"workspace": ID}),
        Frame("welcome", "coordinator", "node", {"workspace": ID, "nonce": "xyz"}),
        Frame("welcome", "coordinator", "node", {"workspace": ID, "nonce": 1}),
    ],
)
def test_what_is_malformed_is_refused(frame: Frame) -> None:
    with pytest.raises(InvalidInput):
        sides()[1].on_welcome(frame)


@pytest.mark.parametrize("signature", ["", "00", "0" * 127, "G" * 128, "00" * 64])
def test_a_signature_is_64_bytes_in_hex_and_valid(signature: str) -> None:
    coordinator, node = sides()
    hello = node.on_welcome(coordinator.welcome())
    hello.head["signature"] = signature
    with pytest.raises(StrongroomError):
        coordinator.on_hello(hello, ENROLLED)
