"""Guards that hold across sessions and across the log's branches: bans, session ids, latches, stop files, commits."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from strongroom.signer.disk import Disk
from strongroom.signer.run import Runner
from strongroom.wire.frame import Frame
from tests.unit.signer.fleet import SIGNERS, Fleet, accepts_in, codes, listed


@pytest.fixture
def fleet() -> Fleet:
    return Fleet().ready()


def test_i11_a_ban_ends_the_pairs_other_sessions_before_they_probe(fleet: Fleet) -> None:
    payloads = [fleet.transfer() for _ in range(6)]
    held: list[Frame] = []
    fleet.drop = lambda frame: frame.kind == "peer" and (held.append(frame) or True)
    for number, (name, digest) in enumerate(payloads):
        fleet.refresh()
        assert not codes(fleet.sign(name, digest, nonce=f"{number:064x}"))
    steps: list[int] = []
    fleet.hooks["signer-1"].update(blame_at=1, blame=2, step=lambda session: steps.append(session.round))
    fleet.inbox.clear()
    for frame in held:
        if frame.to == "signer-1":
            fleet.nodes["signer-1"].receive(frame)
    fleet.carry()
    assert steps.count(1) == 1, "one probing step, the one that was blamed"
    assert codes(fleet.inbox).count("session.blame") == 1
    assert codes(fleet.inbox).count("signer.barred") == len(payloads) - 1


def test_i11_a_session_id_serves_one_run_in_a_boot(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    order = fleet.order("third")
    orders = [fleet.home.statement(person, "key.generate", order).to_doc() for person in ("alice", "bob")]
    begun: list[str] = []
    fleet.drop = lambda frame: frame.kind == "peer" and (begun.append(frame.head["session"]) or True)
    for _ in range(4):
        for nonce in ("01" * 32, "02" * 32):
            fleet.tell("signer-1", "keygen", order=order, orders=orders, nonce=nonce)
    assert len(begun) == 2 * len(set(begun)), "each id sent its first round to two peers, once"


def test_i10_a_rejection_outlives_a_branch_that_lacks_its_transfer(fleet: Fleet) -> None:
    base, other = len(fleet.home.entries), fleet.home.clone()
    fleet.home.time = fleet.now
    name = fleet.home.propose()
    proposal = fleet.home.entries[base]
    fleet.append(["signer-1"], since=base)
    rejection = fleet.home.statement("alice", "transfer.reject", {"transfer": name})
    assert [frame.kind for frame in fleet.tell("signer-1", "stop", envelope=rejection.to_doc())][:1] == ["latched"]
    fleet.home = home = other
    home.time = fleet.now
    listed(home, "ab")
    accepts = accepts_in(fleet.append(["signer-2", "signer-3", "guardian-1"], since=base))
    fleet.append(["signer-1"], since=base, accepts=accepts)
    home.add(proposal.kind, proposal.body, list(proposal.evidence))
    fleet.sequence(since=base)
    fleet.add(home.authorize, name)
    answers = fleet.sign(name, home.state.transfers[name].payloads[0].digest)
    assert "signer-1" not in {frame.sender for frame in answers if frame.kind == "signed"}
    assert "intent.closed" in codes(answers)


def test_i10_nobody_fills_the_latches_before_a_freeze(fleet: Fleet) -> None:
    good = fleet.transfer()
    base = len(fleet.home.entries)
    fleet.home.time = fleet.now
    names = [fleet.home.propose() for _ in range(70)]
    fleet.sequence(since=base)
    for name in names:
        cancel = fleet.home.statement("exchange", "transfer.cancel", {"transfer": name})
        for signer in SIGNERS:
            fleet.nodes[signer].receive(Frame("stop", "coordinator", signer, {"envelope": cancel.to_doc()}))
            fleet.nodes[signer].outbox.clear()
    freeze = fleet.home.statement("alice", "workspace.freeze", {"scope": "workspace", "target": "", "reason": "x"})
    assert not codes(fleet.tell(SIGNERS, "stop", envelope=freeze.to_doc()))
    fleet.refresh()
    assert "workspace.frozen" in codes(fleet.sign(*good))


def test_a_stop_file_that_cannot_be_held_yet_stays(fleet: Fleet, tmp_path: Path) -> None:
    base = len(fleet.home.entries)
    fleet.home.time = fleet.now
    name = fleet.home.propose()  # the coordinator withholds it
    path = tmp_path / "reject.json"
    path.write_text(json.dumps(fleet.home.statement("alice", "transfer.reject", {"transfer": name}).to_doc()))
    runner = object.__new__(Runner)
    runner._node, runner._told = fleet.nodes["signer-1"], {}
    runner._take_stop(path)
    assert path.exists()
    fleet.sequence(since=base)
    runner._take_stop(path)
    assert not path.exists()
    fleet.carry()


def test_after_a_failed_commit_nothing_is_committed_any_more() -> None:
    class Full(sqlite3.Connection):
        full = False

        def commit(self) -> None:
            if self.full:
                raise sqlite3.OperationalError("database or disk is full")
            super().commit()

    connection = sqlite3.connect(":memory:", factory=Full)
    disk = Disk(connection)
    disk.put("kind", "name", {})
    disk.commit()
    connection.full = True
    disk.put("kind", "other", {})
    with pytest.raises(sqlite3.OperationalError):
        disk.commit()
    connection.full = False
    with pytest.raises(sqlite3.OperationalError, match="has failed"):
        disk.commit()
