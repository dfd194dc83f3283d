"""A node starts from the newest sealed state that a quorum has cosigned, and from the whole log when it is damaged."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from strongroom.custody.digest import state_digest
from strongroom.documents.canonical import encode
from strongroom.log.entry import new_entry
from strongroom.signer.disk import Disk
from tests.unit.signer.fleet import SIGNERS, Fleet, accepts_in, codes
from tests.workspace import NODES

WHO = "signer-1"


def seal(fleet: Fleet) -> None:
    fleet.home.add("state.sealed", {"digest": state_digest(fleet.home.state)})


@pytest.fixture
def sealed() -> Fleet:
    """A fleet whose log is sealed, with a transfer behind the seal."""
    fleet = Fleet().ready()
    fleet.transfer()
    fleet.add(seal, fleet)
    fleet.transfer()
    return fleet


def fact(fleet: Fleet) -> dict[str, Any] | None:
    return Disk(fleet.disks[WHO]).get("snapshot", "newest")


def without_entries_below_the_seal(fleet: Fleet) -> None:
    found = fact(fleet)
    assert found
    fleet.disks[WHO].execute("DELETE FROM entry WHERE position < ?", (found["size"],))
    fleet.disks[WHO].commit()


def started_again(fleet: Fleet) -> Any:
    node = fleet.start(WHO)
    fleet.carry()
    fleet.tick(1000)
    fleet.log_starts(fleet.tick(5000))
    return node


def test_a_node_starts_from_its_snapshot_without_the_entries_before(sealed: Fleet) -> None:
    without_entries_below_the_seal(sealed)
    started_again(sealed)
    assert sealed.digest(WHO) == (sealed.home.state.size, state_digest(sealed.home.state))
    name, digest = sealed.transfer()
    assert [frame.kind for frame in sealed.sign(name, digest)].count("signed") == 2


def test_a_snapshot_waits_for_the_quorum() -> None:
    fleet = Fleet().ready()
    fleet.home.time, size = fleet.now, len(fleet.home.entries)
    seal(fleet)
    accepts = accepts_in(fleet.append(since=size))
    assert len(accepts) == len(NODES) and fact(fleet) is None
    fleet.sequence(since=size)
    found = fact(fleet)
    assert found and found["size"] == size
    assert fleet.disks[WHO].in_transaction is False


@pytest.mark.parametrize("damage", [b"", b"junk", None])
def test_a_damaged_snapshot_is_refused_and_the_whole_log_folded(sealed: Fleet, damage: bytes | None) -> None:
    found, disk = fact(sealed), sealed.disks[WHO]
    assert found
    if damage is None:
        disk.execute("DELETE FROM piece WHERE name = ?", (found["digest"],))
    else:
        disk.execute("UPDATE piece SET bytes = ? WHERE name = ?", (damage, found["digest"]))
    disk.commit()
    node = started_again(sealed)
    refused = node._here.replica.sealed.refused
    assert refused is not None and refused.code == "snapshot.digest"
    assert sealed.digest(WHO) == (sealed.home.state.size, state_digest(sealed.home.state))
    assert fact(sealed) == found, "the seal went by again"
    without_entries_below_the_seal(sealed)
    assert started_again(sealed)._here.replica.sealed.refused is None


@pytest.mark.parametrize("document", [{"unknown": 1}, {"tree": []}, {"debits": [1]}, {"policy": {}}, {"time": 0}])
def test_a_snapshot_of_another_release_is_refused(sealed: Fleet, document: dict[str, Any]) -> None:
    text = encode(document)
    disk = Disk(sealed.disks[WHO])
    digest = hashlib.sha256(text).hexdigest()
    disk.keep(3, digest, {digest: text})
    disk.commit()
    refused = started_again(sealed)._here.replica.sealed.refused
    assert refused is not None and refused.code == "snapshot.format"


def test_a_snapshot_beyond_the_note_on_disk_is_left_alone(sealed: Fleet) -> None:
    disk = Disk(sealed.disks[WHO])
    note = disk.get("note", "newest")
    found = fact(sealed)
    assert note and found and int(note["note"].split("\n")[1]) > found["size"], "they are durable together"
    disk.drop("note", "newest")
    disk.commit()
    started_again(sealed)
    assert sealed.digest(WHO) == (sealed.home.state.size, state_digest(sealed.home.state))


def test_pages_are_written_once(sealed: Fleet) -> None:
    disk = Disk(sealed.disks[WHO])
    disk.keep(1, "a", {"a": b"1", "b": b"2"})
    disk.keep(2, "c", {"b": b"other", "c": b"3"})
    assert disk.piece("b") == b"2" and disk.piece("c") == b"3"
    assert [name for (name,) in sealed.disks[WHO].execute("SELECT name FROM piece ORDER BY name")] == ["b", "c"]


def test_a_false_seal_is_refused_by_every_witness() -> None:
    fleet = Fleet().ready()
    fleet.home.time = fleet.now
    false = new_entry("state.sealed", fleet.home.time, {"digest": "00" * 32})
    frames = fleet.append(since=len(fleet.home.entries), entries=[false])
    assert codes(frames) == ["state.digest"] * len(NODES)
    assert all(fleet.digest(name)[0] == fleet.home.state.size for name in SIGNERS)
