"""Refresh: by itself when a pair is worn, or on an administrator's word; transfers wait and go on."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from strongroom.coordinator import ceremony
from strongroom.coordinator.refresh import FIRST_PAUSE_MS, WORN
from strongroom.custody.keys import possession_digest
from strongroom.documents.envelope import Envelope
from strongroom.errors import Denied, Refused
from strongroom.wire.frame import Frame
from tests.unit.coordinator.doubles import Coordinator, FakeNode
from tests.workspace import NODES, Workspace

SIGNERS = NODES[:3]


class Refresher(FakeNode):
    """Answers a refresh with a transcript of its nonce; signs for the transcript that its own state names."""

    def on_refresh(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        key = self.state.keys[head["key"]]
        transcript = hashlib.sha256(head["nonce"].encode()).hexdigest()
        outcome = {"public_key": key.public_key.hex(), "chain_code": "11" * 32, "transcript": transcript}
        subject = {"key": key.name, "epoch": head["epoch"], **outcome}
        self.pending = transcript
        envelope = self.workspace.statement(self.name, "key.transcript", subject)
        return [self.frame("transcript", {"name": key.name, "envelope": envelope.to_doc(), **outcome})]

    def on_possession(self, head: dict[str, Any], body: bytes) -> list[Frame]:
        digest = possession_digest(self.workspace.state.workspace, head["name"], self.pending)
        signature = self.workspace.sign(digest).hex()
        return [self.frame("signed", {"ref": head["name"], "digest": digest.hex(), "signature": signature})]


@pytest.fixture
async def made(tmp_path: Path) -> Any:
    desk = Workspace().ready()
    coordinator = Coordinator(tmp_path, desk)
    for name in NODES:
        node = Refresher(name, desk)
        node.clock, node.boot = (lambda: coordinator.now), desk.state.boots[name].boot
        node.hold([entry.raw for entry in desk.entries])
        coordinator.nodes[name] = node
    await coordinator.start()
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == coordinator.house.desk.state.size)
    yield coordinator
    await coordinator.close()


def epoch(made: Coordinator) -> int:
    return made.house.desk.cosigned.keys["hot-ecdsa"].epoch


def asked(made: Coordinator) -> int:
    """How many refreshes a signer was asked for."""
    return sum(frame.kind == "refresh" for frame in made.nodes["signer-1"].seen)


def request(made: Coordinator, person: str, epoch: int = 1, key: str = "hot-ecdsa") -> Envelope:
    return made.desk.statement(person, "key.refresh", {"key": key, "epoch": epoch})


def report(made: Coordinator, used: int, node: str = "signer-1", peer: str = "signer-2") -> None:
    """A signer's head tells how many possible probes it has counted."""
    made.nodes[node].budget = {"hot-ecdsa": {peer: used}}
    made.house.hall.take(node, made.nodes[node].head())


async def test_an_administrator_asks_and_the_key_is_in_its_next_epoch(made: Coordinator) -> None:
    before = made.house.desk.cosigned.keys["hot-ecdsa"]
    done = await made.house.service.submit(request(made, "alice"))
    assert (done.kind, done.status, done.entry) == ("key.refresh", "collected", None)
    await made.until(lambda: epoch(made) == 1)
    assert made.house.desk.cosigned.keys["hot-ecdsa"].public_key == before.public_key
    await made.until(lambda: [p.stage for p in made.house.service.keygens()] == ["logged"])
    assert not any(frame.kind == "refresh" for frame in made.nodes["guardian-1"].seen)


async def test_only_an_administrator_asks_and_for_the_next_epoch_of_a_key(made: Coordinator) -> None:
    with pytest.raises(Denied, match=r"authority\.threshold"):
        await made.house.service.submit(request(made, "exchange"))
    for wrong in (0, 2):
        with pytest.raises(Refused, match=r"key\.epoch"):
            await made.house.service.submit(request(made, "alice", wrong))
    with pytest.raises(Refused, match=r"key\.unknown"):
        await made.house.service.submit(request(made, "alice", 1, "cold"))
    assert asked(made) == 0 and made.house.service.keygens() == ()


async def test_a_worn_pair_starts_a_refresh_by_itself_and_one_only(made: Coordinator) -> None:
    report(made, WORN - 1)
    made.house.refresh.tick()
    assert asked(made) == 0
    report(made, WORN, "signer-3", "signer-1")
    await made.until(lambda: epoch(made) == 1 and made.house.service.keygens()[0].stage == "logged")
    made.house.refresh.tick()  # the report is still the old one
    assert made.house.service.keygens()[0].stage == "logged"
    report(made, 0, "signer-3", "signer-1")
    made.now += 2 * FIRST_PAUSE_MS
    made.house.refresh.tick()
    assert asked(made) == 1
    report(made, WORN)
    await made.until(lambda: epoch(made) == 2)


async def test_what_fails_is_tried_again_after_growing_pauses(made: Coordinator) -> None:
    made.nodes["signer-2"].refuses["refresh"] = Refused("key.attempts", "8 runs came to nothing")
    report(made, WORN)
    for number, pause in enumerate((1, 2, 4), 1):
        await made.until(lambda number=number: asked(made) == number)
        await made.until(lambda: made.house.service.keygens()[0].stage == "failed")
        assert "key.attempts" in made.house.service.keygens()[0].error
        made.now += pause * FIRST_PAUSE_MS - 1
        made.house.refresh.tick()
        assert made.house.service.keygens()[0].stage == "failed"
        made.now += 1
    made.nodes["signer-2"].refuses.clear()
    await made.until(lambda: epoch(made) == 1)


async def test_nothing_begins_by_itself_while_a_participant_is_away_or_a_pair_barred(made: Coordinator) -> None:
    made.wires.part("signer-3")
    report(made, WORN)
    made.house.refresh.tick()
    assert made.house.service.keygens() == ()
    assert any("4 of 16 sessions" in finding for finding in made.house.service.health().findings)
    made.wires.join(made.nodes["signer-3"])
    bar = {"key": "hot-ecdsa", "epoch": 0, "accuser": "signer-1", "peer": "signer-2", "session": "s", "reason": "r"}
    accusation = made.desk.statement("signer-1", "signer.bar", bar, bare=True)
    made.house.desk.sequencer.submit("signer.barred", bar, [accusation])
    for _ in range(3):
        made.house.refresh.tick()
    assert made.house.service.keygens() == ()
    with pytest.raises(Refused, match=r"signer\.barred"):
        await made.house.service.submit(request(made, "alice"))


async def test_a_refresh_says_who_is_missing(made: Coordinator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceremony, "LOOKS", 2)
    made.wires.part("signer-3")
    del made.house.desk.peers._peers["signer-3"]  # as if it had left the witnesses
    await made.house.service.submit(request(made, "alice"))
    await made.until(lambda: "not here: signer-3" in made.house.service.keygens()[0].error)


async def test_differing_transcripts_leave_the_old_epoch(made: Coordinator) -> None:
    odd = made.nodes["signer-3"]
    assert isinstance(odd, Refresher)
    honest = odd.on_refresh
    odd.on_refresh = lambda head, body: honest({**head, "nonce": "other"}, body)  # type: ignore[method-assign]
    await made.house.service.submit(request(made, "alice"))
    await made.until(lambda: "key.transcript_differs" in made.house.service.keygens()[0].error)
    assert epoch(made) == 0 and made.house.desk.state.keys["hot-ecdsa"].epoch == 0


async def test_a_transfer_in_between_waits_and_goes_on(made: Coordinator) -> None:
    for node in SIGNERS:
        made.nodes[node].refuses["sign"] = Refused("key.refreshing", "between two epochs")
    done = await made.house.service.submit(made.desk.statement("exchange", "transfer.propose", made.desk.intent()))
    assert done.transfer is not None
    activity = made.house.service.activity
    await made.until(lambda: "key.refreshing" in {refusal.code for refusal in activity(done.transfer).refusals})
    await made.house.service.submit(request(made, "bob"))
    await made.until(lambda: epoch(made) == 1)
    for node in SIGNERS:
        made.nodes[node].refuses.clear()
    await made.until(lambda: len(made.chain.sent) == 1)


async def test_nothing_is_asked_of_signers_before_the_new_epoch_is_cosigned(made: Coordinator) -> None:
    for node in SIGNERS:
        made.nodes[node].refuses["sign"] = Refused("checkpoint.stale", "cosign it again")
    done = await made.house.service.submit(made.desk.statement("exchange", "transfer.propose", made.desk.intent()))
    activity = made.house.service.activity
    await made.until(lambda: activity(done.transfer).refusals)  # so it is authorized, and cosigned
    for node in NODES:
        made.nodes[node].silent.add("cosign")
    await made.house.service.submit(request(made, "alice"))
    await made.until(lambda: made.house.desk.state.keys["hot-ecdsa"].epoch == 1)
    for node in SIGNERS:
        made.nodes[node].refuses.clear()
        made.nodes[node].seen.clear()
    made.house.reconciler.wake_waiting()
    await made.until(lambda: "refreshed key" in activity(done.transfer).awaiting)
    assert epoch(made) == 0
    assert not [frame for node in SIGNERS for frame in made.nodes[node].seen if frame.kind == "sign"]
    for node in NODES:
        made.nodes[node].silent.clear()
    made.now += 5_000
    await made.until(lambda: len(made.chain.sent) == 1 and epoch(made) == 1)


@pytest.mark.parametrize("unanswered", ["refresh", "possession", "append", "cosign"])
async def test_a_coordinator_that_dies_in_a_refresh_leaves_an_epoch_that_works(
    made: Coordinator, unanswered: str
) -> None:
    """Before the shares, before their first signature, with the entry stored, with the entry accepted."""
    for node in NODES:
        made.nodes[node].silent.add(unanswered)
        made.nodes[node].seen.clear()
    await made.house.service.submit(request(made, "alice"))
    await made.until(lambda: any(frame.kind == unanswered for frame in made.nodes["signer-1"].seen))
    await made.crash()
    for node in NODES:
        made.nodes[node].silent.clear()
    await made.start()
    await made.until(lambda: made.house.desk.cosigned.size == made.house.desk.state.size > 0)
    stands = epoch(made)
    assert stands == (0 if unanswered in ("refresh", "possession") else 1)
    made.now += 1000
    await made.house.service.submit(request(made, "bob", stands + 1))
    await made.until(lambda: epoch(made) == stands + 1)
