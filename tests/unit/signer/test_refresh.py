"""Refresh: two epochs never mix, a crash leaves one of them, and what is worn out is erased."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strongroom.documents.base64 import encode_base64
from strongroom.keys.threshold import Keygen
from strongroom.signer.disk import Disk, open_disk
from strongroom.signer.keygen import MOST_ATTEMPTS, REFRESH_VALID, Shares
from strongroom.signer.probes import BUDGET, Probes, Root
from tests.unit.signer.fleet import SIGNERS, Fleet, accepts_in, codes
from tests.workspace import NODES, Workspace

PAIR = SIGNERS[:2]


@pytest.fixture
def fleet() -> Fleet:
    return Fleet().ready()


def signed(frames: list[Any]) -> int:
    return sum(frame.kind == "signed" for frame in frames)


def epoch(fleet: Fleet) -> int:
    return fleet.home.state.keys["hot-ecdsa"].epoch


def shares(fleet: Fleet, node: str) -> set[str]:
    return {name for (name,) in fleet.disks[node].execute("SELECT name FROM fact WHERE kind = 'share'")}


def budget(fleet: Fleet, node: str) -> dict[str, Any]:
    return next(frame.head["budget"] for frame in fleet.tell(node, "head.ask") if frame.kind == "head")


class Killed(BaseException):
    """The process has ended here."""


# -- the way of a refresh


def test_after_a_refresh_the_same_transfer_is_signed_and_the_old_share_is_gone(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    before = {node: shares(fleet, node) for node in SIGNERS}
    fleet.renew()
    assert signed(fleet.sign(transfer, digest)) == 2
    assert epoch(fleet) == 1 and len({fleet.digest(node) for node in NODES}) == 1
    for node in SIGNERS:
        assert shares(fleet, node) == {fleet.home.state.keys["hot-ecdsa"].transcript}
        assert shares(fleet, node).isdisjoint(before[node])
    fleet.renew()
    assert epoch(fleet) == 2


def test_between_accepted_and_cosigned_nothing_is_signed_and_afterwards_it_is(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    size = len(fleet.home.entries)
    fleet.refreshed(fleet.refresh_shares())
    assert signed(fleet.sign(transfer, digest, nonce="01" * 32)) == 2
    fleet.disks["signer-1"].execute("DELETE FROM fact WHERE kind = 'signature'")
    accepts_in(fleet.append(since=size))
    assert codes(fleet.sign(transfer, digest, to=["signer-1"], nonce="02" * 32)) == ["key.refreshing"]
    assert all(len(shares(fleet, node)) == 2 for node in SIGNERS), "the old share stays until a quorum has cosigned"
    fleet.sequence(since=size)
    assert signed(fleet.sign(transfer, digest, nonce="03" * 32)) >= 1


def test_a_session_that_a_refresh_overtakes_ends_before_its_next_step(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    frames = fleet.refresh_shares()
    held: list[Any] = []
    fleet.drop = lambda frame: frame.kind == "peer" and frame.to == "signer-1" and (held.append(frame) or True)
    fleet.sign(transfer, digest)
    fleet.drop = lambda frame: False
    size = len(fleet.home.entries)
    fleet.refreshed(frames)
    fleet.sequence(since=size)
    fleet.inbox.clear()
    fleet.nodes["signer-1"].receive(held[0])
    fleet.carry()
    assert codes(fleet.inbox) == ["key.refreshing"]
    assert budget(fleet, "signer-1") == {}


def test_the_share_is_durable_before_the_transcript_leaves(fleet: Fleet) -> None:
    node, seen = fleet.nodes["signer-1"], []
    commit = node._here.disk.commit

    def watching(**options: bool) -> None:
        waiting = any(frame.kind == "transcript" for frame in node.outbox)
        commit(**options)
        seen.append((waiting, len(shares(fleet, "signer-1"))))

    node._here.disk.commit = watching
    assert sum(frame.kind == "transcript" for frame in fleet.refresh_shares()) == 3
    assert (True, 2) in seen and (True, 1) not in seen


# -- who may start one


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ({"key": "hot-ecdsa", "epoch": 0}, "key.epoch"),
        ({"key": "hot-ecdsa", "epoch": 2}, "key.epoch"),
        ({"key": "nothing", "epoch": 1}, "key.unknown"),
    ],
)
def test_a_refresh_is_of_a_logged_key_to_its_next_epoch(fleet: Fleet, head: dict[str, Any], code: str) -> None:
    assert codes(fleet.tell("signer-1", "refresh", nonce="aa" * 32, **head)) == [code]


def test_a_guardian_and_a_node_that_has_not_rejoined_refresh_nothing(fleet: Fleet) -> None:
    assert codes(fleet.refresh_shares(["guardian-1"])) == ["share.missing"]
    fleet.drop = lambda frame: frame.kind == "answer"
    fleet.start("signer-1")
    assert codes(fleet.refresh_shares(["signer-1"])) == ["rejoin.heads_missing"]


def test_a_ban_blocks_the_refresh(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.hooks["signer-1"].update(blame_at=1, blame=2)
    asked = [f for f in fleet.sign(transfer, digest) if f.kind == "submit"]
    assert set(codes(fleet.refresh_shares(["signer-1"]))) == {"signer.barred"}
    fleet.start("signer-1")
    fleet.tick(1000)
    assert set(codes(fleet.refresh_shares(["signer-1"]))) == {"signer.barred"}
    fleet.add(fleet.log, asked[0])
    assert codes(fleet.refresh_shares()) == ["signer.barred"] * 3


def test_a_ban_outlasts_a_refresh_that_was_signed_before_it(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    size = len(fleet.home.entries)
    fleet.refreshed(fleet.refresh_shares())
    fleet.hooks["signer-1"].update(blame_at=1, blame=2)
    asked = [f for f in fleet.sign(transfer, digest) if f.kind == "submit"]
    assert [f.head["body"]["epoch"] for f in asked] == [0]
    fleet.hooks["signer-1"].clear()
    fleet.sequence(since=size)
    assert epoch(fleet) == 1 and len(shares(fleet, "signer-1")) == 1
    assert codes(fleet.sign(transfer, digest, to=["signer-1"], nonce="ee" * 32)) == ["signer.barred"]
    again = [f for f in fleet.tick(5000) if f.kind == "submit"]
    assert [f.head["body"]["epoch"] for f in again] == [1]
    fleet.add(fleet.log, again[0])
    assert codes(fleet.refresh_shares()) == ["signer.barred"] * 3
    assert not [f for f in fleet.tick(5000) if f.kind == "submit"]


def test_finished_runs_are_few_until_their_time_is_over(fleet: Fleet) -> None:
    for _ in range(MOST_ATTEMPTS - 1):
        assert not codes(fleet.refresh_shares())
    assert set(codes(fleet.refresh_shares())) == {"key.attempts"}
    fleet.now += REFRESH_VALID + 1
    fleet.refresh()
    fleet.transfer()  # the log's time has passed the end of every statement
    assert all(len(shares(fleet, node)) == 1 for node in SIGNERS)
    fleet.renew()
    assert epoch(fleet) == 1


def test_a_share_that_is_signed_for_is_not_erased_while_the_log_may_take_it(fleet: Fleet) -> None:
    frames = fleet.refresh_shares()
    for _ in range(3):
        fleet.refresh_shares()
    fleet.transfer()
    assert all(len(shares(fleet, node)) == 5 for node in SIGNERS)
    fleet.drop = lambda frame: False
    transcript = next(f.head["transcript"] for f in frames if f.kind == "transcript")
    for node in SIGNERS:  # possession is proven with the newest: make the first the newest
        held = fleet.nodes[node]._generation._shares._held
        held[transcript] = held.pop(transcript)
    size = len(fleet.home.entries)
    fleet.refreshed(frames)
    fleet.sequence(since=size)
    assert all(shares(fleet, node) == {transcript} for node in SIGNERS)


# -- crashes


def crash_points(make: Callable[[], Fleet], node: str) -> int:
    """How many commits a node makes in a refresh and the signature after it."""
    fleet, count = make(), 0
    commit = fleet.nodes[node]._here.disk.commit

    def counting(**options: bool) -> None:
        nonlocal count
        count += 1
        commit(**options)

    fleet.nodes[node]._here.disk.commit = counting
    fleet.renew()
    return count


def kill_at(fleet: Fleet, node: str, point: int, *, after: bool) -> None:
    """The node ends just before, or just after, its commit of that number."""
    disk, left = fleet.nodes[node]._here.disk, point
    commit = disk.commit

    def dying(**options: bool) -> None:
        nonlocal left
        if left == 0 and not after:
            raise Killed
        commit(**options)
        if left == 0:
            raise Killed
        left -= 1

    disk.commit = dying


def recover(fleet: Fleet, node: str) -> None:
    """Start the node again; the coordinator brings everybody to its own head and goes on."""
    for other in fleet.nodes.values():
        other.outbox.clear()
        other._here.sessions._jobs.clear()  # they would time out
    fleet.start(node)
    fleet.append(since=0)
    fleet.tick(1000)
    fleet.sequence(since=len(fleet.home.entries) - 1)
    fleet.log_starts(fleet.tick(5000))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("node", ["signer-1", "signer-3"])
def test_a_kill_at_any_commit_leaves_the_old_or_the_new_epoch(node: str, after: bool) -> None:
    base = Workspace().create()

    def make() -> Fleet:
        return Fleet(base.clone()).ready()

    points = crash_points(make, node)
    assert points > 8
    for point in range(points):
        fleet = make()
        transfer, digest = fleet.transfer()
        kill_at(fleet, node, point, after=after)
        with pytest.raises(Killed):
            fleet.renew()
        recover(fleet, node)
        assert epoch(fleet) in (0, 1)
        others = tuple(name for name in SIGNERS if name != node)
        for number, pair in enumerate((tuple(sorted((node, other))) for other in others), 1):
            fleet.refresh()
            assert signed(fleet.sign(transfer, digest, pair, nonce=f"{number:062x}ff")), (point, epoch(fleet))
        fleet.renew()
        assert all(shares(fleet, name) == {fleet.home.state.keys["hot-ecdsa"].transcript} for name in SIGNERS)
        assert len({fleet.digest(name) for name in NODES}) == 1


# -- what is erased, what is counted


def test_an_erased_share_is_in_no_file_of_the_home(tmp_path: Path) -> None:
    disk = open_disk(tmp_path)
    held, sealed = Shares(disk), [hashlib.sha512(bytes([n])).digest() * 1600 for n in range(2)]
    home = Workspace().ready()
    order = {"name": "hot-ecdsa", "epoch": 0}
    for number, transcript in enumerate(("22" * 32, "33" * 32)):
        done = Keygen(b"\x02" * 33, (), b"\x11" * 32, bytes.fromhex(transcript), sealed[number])
        held.keep({**order, "epoch": number}, done, home.time)
        disk.commit()
    home.refresh(transcript="33" * 32)

    def found(number: int) -> bool:
        needle = encode_base64(sealed[number])[:64].encode()
        return any(needle in path.read_bytes() for path in tmp_path.iterdir())

    assert found(0) and found(1)
    assert held.settle(home.state) == ["22" * 32]
    disk.commit()
    assert not found(0) and found(1)


def test_the_only_share_of_a_key_is_never_erased() -> None:
    import sqlite3

    held, home = Shares(Disk(sqlite3.connect(":memory:"))), Workspace().ready()
    done = Keygen(b"\x02" * 33, (), b"\x11" * 32, bytes.fromhex("22" * 32), b"sealed")
    held.keep({"name": "hot-ecdsa", "epoch": 0}, done, 0)
    home.refresh(transcript="33" * 32)
    assert held.settle(home.state) == [] and held.of("22" * 32)


def test_a_refresh_ends_the_count_of_probes(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    root = Root("hot-ecdsa", 0, fleet.home.state.keys["hot-ecdsa"].transcript)
    for _ in range(BUDGET):
        fleet.nodes["signer-1"]._here.probes.doubt(root, ["signer-2"])
    assert budget(fleet, "signer-1") == {"hot-ecdsa": {"signer-2": BUDGET}}
    assert codes(fleet.sign(transfer, digest, to=["signer-1"])) == ["session.budget_spent"]
    # Key generation takes no part of the budget; the pair proves possession of its new shares.
    fleet.renew()
    assert budget(fleet, "signer-1") == {}
    assert signed(fleet.sign(transfer, digest, nonce="ab" * 32)) == 2
    fleet.start("signer-1")
    assert budget(fleet, "signer-1") == {}


def test_what_is_in_flight_counts_before_it_can_overshoot() -> None:
    import sqlite3

    from strongroom.errors import Refused

    probes, root = Probes(Disk(sqlite3.connect(":memory:"))), Root("k", 0, "22" * 32)
    for number in range(10):
        probes.doubt(root, ["b"])
        probes.begin(f"done {number}", root, ["c"])
        probes.end(f"done {number}")
    for number in range(BUDGET - 10):
        probes.begin(f"{number}", root, ["b"])
    with pytest.raises(Refused, match=r"session\.budget_spent"):
        probes.begin("one more", root, ["b"])
    probes.begin("with another", root, ["c"])
    probes.end("0")
    probes.begin("one more", root, ["b"])


def test_flights_beyond_the_budget_are_refused_by_the_node(fleet: Fleet) -> None:
    fleet.drop = lambda frame: frame.kind == "peer" and frame.head["seq"] == 1
    for number in range(BUDGET):
        transfer, digest = fleet.transfer()
        fleet.refresh()
        assert not codes(fleet.sign(transfer, digest, nonce=f"{number:064x}")), number
    transfer, digest = fleet.transfer()
    fleet.refresh()
    assert set(codes(fleet.sign(transfer, digest, nonce="ab" * 32))) == {"session.budget_spent"}
    fleet.start("signer-1")
    assert budget(fleet, "signer-1") == {"hot-ecdsa": {"signer-2": BUDGET}}
