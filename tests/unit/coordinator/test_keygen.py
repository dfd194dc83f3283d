"""Key generation: orders, transcripts, possession, retries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from strongroom.coordinator import keygen
from strongroom.custody.keys import possession_digest
from strongroom.errors import Denied, Refused
from strongroom.wire.frame import Frame
from tests.unit.coordinator.doubles import Coordinator, FakeNode
from tests.workspace import NODES, Workspace

ORDER = {
    "name": "hot-ecdsa",
    "scheme": "ecdsa-dkls23",
    "tier": "hot",
    "participants": ["signer-1", "signer-2", "signer-3"],
    "threshold": 2,
    "epoch": 0,
}


class Generator(FakeNode):
    """Answers a keygen with the transcript of the key that the test workspace holds, and signs its possession."""

    def __init__(self, name: str, desk: Workspace) -> None:
        super().__init__(name, desk)
        self.transcript = "22" * 32

    def on_keygen(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        outcome = {
            "public_key": self.workspace.account.public_key.format().hex(),
            "chain_code": "11" * 32,
            "transcript": self.transcript,
        }
        subject = {"key": head["order"]["name"], "epoch": 0, **outcome}
        envelope = self.workspace.statement(self.name, "key.transcript", subject, bare=True)
        return [self.frame("transcript", {"name": head["order"]["name"], "envelope": envelope.to_doc(), **outcome})]

    def on_possession(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        digest = possession_digest(self.workspace.state.workspace, head["name"], self.transcript)
        signature = self.workspace.sign(digest).hex()
        return [self.frame("signed", {"ref": head["name"], "digest": digest.hex(), "signature": signature})]


@pytest.fixture
async def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(keygen, "PAUSE_SECONDS", 0.01)
    desk = Workspace().create()
    for node in NODES:
        desk.boot(node)
    coordinator = Coordinator(tmp_path, desk)
    for name in NODES:
        node = Generator(name, desk)
        node.clock, node.boot = (lambda: coordinator.now), desk.state.boots[name].boot
        node.hold([entry.raw for entry in desk.entries])
        coordinator.nodes[name] = node
    await coordinator.start()
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == coordinator.house.desk.state.size)
    yield coordinator
    await coordinator.close()


async def order(made: Coordinator, *people: str) -> None:
    for person in people:
        done = await made.house.service.submit(made.desk.statement(person, "key.generate", ORDER))
        assert done.status == "collected" and done.lacking


async def test_a_key_is_generated_once_two_administrators_have_ordered_it(made: Coordinator) -> None:
    """Progress says how far it is; the entry holds orders, transcripts and the possession proof."""
    await order(made, "alice")
    progress = made.house.service.keygens()
    assert [(p.stage, p.done, p.total) for p in progress] == [("orders", 1, 2)]
    assert not any(frame.kind == "keygen" for node in made.nodes.values() for frame in node.seen)
    await order(made, "bob")
    await made.until(lambda: "hot-ecdsa" in made.house.service.cosigned.keys)
    await made.until(lambda: made.house.service.keygens()[0].stage == "logged")
    assert not any(frame.kind == "keygen" for frame in made.nodes["guardian-1"].seen)
    with pytest.raises(Refused, match=r"key\.exists"):
        await order(made, "carol")


async def test_orders_survive_a_restart(made: Coordinator) -> None:
    """One order before, one after."""
    await order(made, "alice")
    await made.crash()
    await made.start()
    await order(made, "carol")
    await made.until(lambda: "hot-ecdsa" in made.house.service.cosigned.keys)


async def test_only_administrators_order(made: Coordinator) -> None:
    """A service does not, nor does a threshold that the policy cannot hold begin anything."""
    with pytest.raises(Denied, match=r"authority\.threshold"):
        await order(made, "exchange")
    with pytest.raises(Refused, match=r"key\.threshold"):
        await made.house.service.submit(made.desk.statement("alice", "key.generate", {**ORDER, "threshold": 1}))
    assert made.house.service.keygens() == ()


async def test_differing_transcripts_enter_no_log(made: Coordinator) -> None:
    """One participant states another key: everybody's work is void, and the reason is shown."""
    odd = made.nodes["signer-3"]
    assert isinstance(odd, Generator)
    odd.transcript = "33" * 32
    await order(made, "alice", "bob")
    await made.until(lambda: "key.transcript_differs" in made.house.service.keygens()[0].error)
    odd.transcript = "22" * 32
    await made.until(lambda: "hot-ecdsa" in made.house.service.cosigned.keys)


async def test_a_refusal_is_shown_and_tried_again(made: Coordinator) -> None:
    """A participant that refuses ends the attempt at once; five attempts are made, then it has failed."""
    made.nodes["signer-2"].refuses["keygen"] = Refused("session.blame", "signer-1 cheats")
    await order(made, "alice", "bob")
    await made.until(lambda: made.house.service.keygens()[0].stage == "failed")
    assert "session.blame" in made.house.service.keygens()[0].error
    assert "hot-ecdsa" not in made.house.service.state.keys
