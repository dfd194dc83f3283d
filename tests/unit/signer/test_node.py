"""The node as a whole: with the real core, under crashes at every commit, and fed with anything."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.chains.verify import verify_signature
from strongroom.keys.threshold import Vault
from strongroom.policy.model import Duty
from strongroom.signer.disk import Disk, open_disk
from strongroom.signer.node import Node, Settings
from strongroom.wire.frame import Frame, split_entries
from tests.unit.signer.fleet import SIGNERS, Fleet, accepts_in, codes
from tests.workspace import NODES


def signatures(frames: list[Frame]) -> list[str]:
    return [frame.head["signature"] for frame in frames if frame.kind == "signed"]


def real(directory: Path) -> Fleet:
    def vault(name: str) -> Vault:
        (directory / name).mkdir(mode=0o700, exist_ok=True)
        return Vault.open(directory / name)

    return Fleet(factory=vault)


def test_the_real_core_generates_a_key_proves_possession_and_signs(tmp_path: Path) -> None:
    fleet = real(tmp_path).ready()
    public = fleet.home.state.keys["hot-ecdsa"].public_key
    assert public != fleet.home.account.public_key.format()
    for names in (SIGNERS[:2], SIGNERS[1:], (SIGNERS[0], SIGNERS[2])):
        transfer, digest = fleet.transfer()
        found = signatures(fleet.sign(transfer, digest, names))
        assert len(found) == 2 and len(set(found)) == 1
        verify_signature("ecdsa-dkls23", public, bytes.fromhex(digest), bytes.fromhex(found[0]))


def test_the_real_core_signs_for_a_child_of_the_key_and_after_a_restart(tmp_path: Path) -> None:
    fleet = real(tmp_path).ready()
    fleet.add(fleet.home.open, "child", "hot-ecdsa", (0, 7))
    fleet.start("signer-1")
    fleet.log_starts(fleet.tick(5000))
    fleet.home.time = fleet.now
    name = fleet.add(fleet.home.propose, wallet="child")
    fleet.add(fleet.home.authorize, name, nonce=0)
    digest = fleet.home.state.transfers[name].payloads[0].digest
    assert len(signatures(fleet.sign(name, digest))) == 2


@pytest.mark.parametrize("scheme", ["ed25519-frost", "bip340-frost"])
def test_the_real_core_generates_schnorr_keys(tmp_path: Path, scheme: str) -> None:
    fleet = real(tmp_path)
    fleet.append()
    fleet.tick(1000)
    fleet.sequence()
    fleet.log_starts(fleet.tick(5000))
    fleet.generate("schnorr", scheme)
    assert fleet.home.state.keys["schnorr"].scheme == scheme


class Crash(BaseException):
    """The process is gone."""


class FragileDisk(Disk):
    """A disk whose process dies at its commit number `left`, before or after the commit."""

    left = 1 << 30
    before = True

    def commit(self, *, idle: bool = False) -> None:
        type(self).left -= 1
        if not type(self).left and self.before:
            raise Crash
        super().commit(idle=idle)
        if not type(self).left:
            raise Crash


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("crash_at", range(1, 12))
def test_after_a_crash_at_any_commit_nothing_is_lost_and_nothing_signed_twice(
    monkeypatch: pytest.MonkeyPatch, crash_at: int, before: bool
) -> None:
    fleet = Fleet().ready()
    transfer, digest = fleet.transfer()
    monkeypatch.setattr("tests.unit.signer.fleet.Disk", FragileDisk)
    fleet.start("signer-1")
    fleet.log_starts(fleet.tick(5000))
    told = fleet.digest("signer-1")
    FragileDisk.left, FragileDisk.before = crash_at, before
    promised: list[Any] = []
    fleet.drop = lambda frame: bool(frame.sender == "signer-1" and promised.append(frame))  # noted, not dropped
    with pytest.raises(Crash):
        for number in range(20):
            fleet.sign(transfer, digest, nonce=f"{number:064x}")
            fleet.home.time = fleet.now
            fleet.sequence(since=fleet.home.propose() and len(fleet.home.entries) - 1)
    FragileDisk.left, fleet.drop = 1 << 30, lambda frame: False
    for node in fleet.nodes.values():
        node.outbox.clear()
    node = fleet.start("signer-1")
    size, _ = fleet.digest("signer-1")
    accepted = [accept.size for accept in accepts_in(promised)]
    cosigned = [frame.head["size"] for frame in promised if frame.kind == "cosignature"]
    assert size >= max([told[0], *accepted, *cosigned])
    assert node._here.replica.own.rank[1] >= max([0, *cosigned])
    fleet.tick(1000)
    fleet.append(since=told[0] - 1)
    fleet.refresh()
    fleet.log_starts(fleet.tick(5000))
    before_crash = set(signatures(promised))
    assert len(before_crash | set(signatures(fleet.sign(transfer, digest, nonce="ff" * 32)))) == 1
    assert len({fleet.digest(name) for name in NODES}) == 1


KINDS = [
    "append", "cosign", "checkpoint", "sign", "possession", "keygen", "stop", "head.ask", "entries.ask", "digest.ask",
    "repair.ask", "change.ask", "peer", "challenge", "answer", "nonsense",
]  # fmt: skip
FIELDS = [
    "from", "note", "accepts", "size", "root", "transfer", "digest", "participants", "nonce", "order", "orders", "name",
    "envelope", "limit", "session", "seq", "signature", "number", "kind", "policy",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)
    | st.sampled_from(["00" * 32, "signer-1", "hot-ecdsa"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
SHAPES = {
    "append": ["from", "note", "accepts"], "cosign": ["size", "root", "accepts"], "checkpoint": ["note"],
    "sign": ["transfer", "digest", "participants", "nonce", "note"], "possession": ["name", "participants", "nonce"],
    "keygen": ["order", "orders", "nonce"], "stop": ["envelope"], "entries.ask": ["from", "limit"],
    "peer": ["session", "seq"], "challenge": ["nonce"],
    "answer": ["nonce", "size", "root", "signature"], "repair.ask": ["number", "order"],
    "change.ask": ["kind", "policy", "order"],
}  # fmt: skip


@pytest.fixture(scope="module")
def standing() -> Fleet:
    return Fleet().ready()


@given(data=st.data(), kind=st.sampled_from(KINDS), sender=st.sampled_from(["coordinator", "signer-2", "x"]))
def test_any_frame_is_answered_or_refused_and_changes_nothing(
    standing: Fleet, data: Any, kind: str, sender: str
) -> None:
    names = data.draw(st.just(SHAPES.get(kind, [])) | st.lists(st.sampled_from(FIELDS), max_size=4))
    head = {name: data.draw(VALUES) for name in names}
    node, before = standing.nodes["signer-1"], standing.digest("signer-1")
    node.receive(Frame(kind, sender, "signer-1", head, data.draw(st.binary(max_size=64))))
    assert all(len(frame.head["message"]) <= 500 for frame in node.outbox if frame.kind == "refused")
    assert standing.digest("signer-1") == before


@given(st.binary(max_size=64))
def test_any_body_divides_into_entries_or_is_refused(body: bytes) -> None:
    from strongroom.errors import InvalidInput

    try:
        assert b"".join(len(raw).to_bytes(4, "big") + raw for raw in split_entries(body)) == body
    except InvalidInput as error:
        assert error.code == "frame.entries"


def test_one_process_runs_on_a_home(tmp_path: Path) -> None:
    from strongroom.errors import Refused

    held = open_disk(tmp_path)
    with pytest.raises(Refused, match=r"home\.locked"):
        open_disk(tmp_path)
    assert held.entries() == []
    assert (tmp_path / "node.db").stat().st_mode & 0o077 == 0


def test_commits_are_fully_synchronised(tmp_path: Path) -> None:
    disk = open_disk(tmp_path)
    (mode,) = disk._sql.execute("PRAGMA journal_mode").fetchone()
    (level,) = disk._sql.execute("PRAGMA synchronous").fetchone()
    assert (mode, level) == ("wal", 2)


def test_what_is_put_later_becomes_durable_with_the_next_commit_of_anything(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    disk = Disk(sqlite3.connect(path))
    disk.later("note", "newest", {"note": "a"})
    disk.commit()
    assert Disk(sqlite3.connect(path)).get("note", "newest") is None
    disk.put("boot", "b", {})
    disk.commit()
    assert Disk(sqlite3.connect(path)).get("note", "newest") == {"note": "a"}
    disk.later("note", "newest", {"note": "c"})
    disk.commit(idle=True)
    assert Disk(sqlite3.connect(path)).all("note") == {"newest": {"note": "c"}}


def test_a_log_on_disk_that_lacks_the_cosigned_head_is_not_used() -> None:
    from strongroom.errors import Refused

    fleet = Fleet()
    fleet.sequence()
    fleet.disks["signer-1"].execute("DELETE FROM entry")
    fleet.disks["signer-1"].execute("DELETE FROM fact WHERE kind = 'note'")
    settings = Settings("signer-1", Duty.SIGNER, fleet.id)
    with pytest.raises(Refused, match=r"log\.damaged"):
        Node(settings, fleet.home.keys["signer-1"], Disk(fleet.disks["signer-1"]), None, lambda: fleet.now)


def test_a_report_tells_where_the_node_stands() -> None:
    fleet = Fleet().ready()
    head = next(frame.head for frame in fleet.tell("signer-1", "head.ask") if frame.kind == "head")
    size = len(fleet.home.entries)
    assert (head["size"], head["cosigned"], head["note"]) == (size, size, fleet.note)
    assert (head["boot"], head["rejoined"]) == (fleet.home.state.boots["signer-1"].boot, True)
    assert (head["clock"], head["stops"], head["budget"], head["bans"]) == (fleet.now, 0, {}, 0)
    assert codes(fleet.tell("signer-1", "nonsense")) == ["frame.unknown_kind"]
