"""A log of a million entries: how a signer starts on it, what it holds, whether it signs as on a small one."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from bench import log as small
from bench.biglog import BigLog, big_log, workspace
from bench.figures import Goal, Section, figure, middle
from bench.measure import Bench, timed
from bench.processes import Processes
from strongroom.custody.authority import signers_in
from strongroom.custody.digest import state_digest
from strongroom.custody.fold import apply
from strongroom.custody.sealed import Sealed
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.documents.base64 import encode_base64
from strongroom.log.batch import parse_ahead, parse_entries
from strongroom.log.checkpoint import parse_note
from strongroom.log.entry import Entry, parse_entry
from strongroom.log.proofs import Tree
from strongroom.signer.disk import Disk
from strongroom.signer.replica import Mark, Replica
from strongroom.store.database import Database
from strongroom.store.lease import acquire
from strongroom.store.log import LogStore, append
from tests.unit.signer.fleet import SIGNERS, Fleet
from tests.workspace import NODES, Workspace

TAIL: Final = 10_000  # entries behind the snapshot: the most that seals leave
CHUNK: Final = 1000
PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL")


def run(bench: Bench) -> Section:
    """Cold starts, signatures and appends on a big log, beside a small one."""
    size, few = bench.sized(1_000_000, 600), bench.sized(1000, 200)
    logs = {count: big_log(bench.cache, count, bench.progress) for count in (size, few)}
    homes = {count: node_home(bench, log) for count, log in logs.items()}
    restored = restore(bench, logs[size], bench.sized(30_000, 300))
    starts = [cold_start(bench, homes[size], logs[size]) for _ in bench.each("cold starts", range(3), 3)]
    signed = sign_on(bench, {count: (logs[count], homes[count]) for count in (few, size)})
    stored = appends(bench, {count: store_of(bench, logs[count]) for count in (few, size)})
    words = {few: f"at {few:,} entries", size: f"at {size:,} entries"}
    return Section(
        "scale",
        f"A log of {size:,} entries (withdrawals, one statement in four)",
        (
            figure("replica restored to head: read, verify, fold", "1/s", [restored], goal=Goal(10_000, up=True)),
            figure(
                f"cold start from a snapshot {TAIL:,} entries back", "s", [s["seconds"] for s in starts],
                goal=Goal(10), note="a new process, its imports included",
            ),
            figure("cold start: processor time", "s", [s["cpu"] for s in starts]),
            figure(
                "cold start: most memory", "MiB", [s["mib"] for s in starts], goal=Goal(300),
                note="resident, the whole process",
            ),
            figure(f"sign, {words[few]}", "ms", signed[few], tail=True, note="all but the threshold core"),
            figure(f"sign, {words[size]}", "ms", signed[size], tail=True),
            figure(
                f"sign: {size:,} entries to {few:,}", "×", [middle(signed[size]) / middle(signed[few])],
                goal=Goal(1.2),
            ),
            *(figure(f"append, one entry a time, {words[count]}", "1/s", stored[count]) for count in (few, size)),
        ),
    )  # fmt: skip


def node_home(bench: Bench, log: BigLog) -> Path:
    """A node's directory with the whole log and a snapshot behind its head, kept; the fold of it takes a while."""
    home = bench.cache / f"{log.path.name}-home"
    home.mkdir(parents=True, exist_ok=True)
    connection = _connect(home)
    disk = Disk(connection)
    if not Sealed(disk).load(log.size).size:  # there is none yet, or this release writes states in another way
        _fill(bench, disk, log)
    head = parse_note(log.note).checkpoint
    disk.put("note", "newest", {"note": log.note})
    disk.put("cosigned", "highest", Mark((0, head.size), head.root).to_doc())
    disk.put("cosigned", "most", {"size": head.size})
    disk.commit()
    connection.close()
    return home


def _fill(bench: Bench, disk: Disk, log: BigLog) -> None:
    sealed = max(log.size - TAIL, log.size // 2)
    state = _fold(bench, disk, log, sealed)
    Sealed(disk).put(state, state_digest(state))
    disk.write_entries(sealed, list(log.raws(sealed)))
    disk.commit()


def _fold(bench: Bench, disk: Disk, log: BigLog, stop: int) -> CustodyState:
    state, raws = EMPTY, log.raws(0, stop)
    while chunk := list(islice(raws, CHUNK)):
        disk.write_entries(state.size, chunk)
        disk.commit()
        signers = signers_in(state)
        for raw, parsed in zip(chunk, parse_entries(chunk, signers), strict=True):
            state = apply(state, parsed or parse_entry(raw))
        bench.progress("folding a big log", state.size, stop)
    return state


def _connect(home: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(home / "node.db")
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def restore(bench: Bench, log: BigLog, count: int) -> float:
    """Entries a second that a node without a snapshot folds from its disk."""
    home = bench.scratch / "restored"
    home.mkdir()
    disk = Disk(_connect(home))
    disk.write_entries(0, list(log.raws(0, count)))
    disk.commit()
    took, replica = timed(Replica, log.workspace, "guardian-1", disk, workspace().keys["guardian-1"].credential)
    assert replica.accepted.size == min(count, log.size)
    return replica.accepted.size / took.wall


def cold_start(bench: Bench, home: Path, log: BigLog) -> dict[str, float]:
    """Seconds until a new process holds the state at the log's head, its processor time, and the most MiB it held."""
    public = workspace().keys[NODES[0]].credential.public.hex()
    with Processes(bench.scratch) as processes:
        began = time.perf_counter()
        processes.python("signer", "bench.harness.coldstart", str(home), log.workspace, public)
        told = json.loads(processes.line("signer"))
        seconds = time.perf_counter() - began
    assert told["size"] == log.size
    return {"seconds": seconds, "mib": told["mib"], "cpu": told["cpu"]}


def sign_on(bench: Bench, logs: dict[int, tuple[BigLog, Path]]) -> dict[int, list[float]]:
    """Milliseconds of signatures by two nodes of each log, in turns, so that other work falls on all of them."""
    fleets = {count: _Grown(bench, *made) for count, made in logs.items()}
    found: dict[int, list[float]] = {count: [] for count in fleets}
    times = bench.sized(60, 3)
    for _ in bench.each("signatures", range(times), times):
        for count, fleet in fleets.items():
            name, digest = fleet.transfer()
            took, frames = timed(fleet.sign, name, digest)
            assert sum(frame.kind == "signed" for frame in frames) == len(SIGNERS[:2])
            found[count].append(took.wall * 1e3)
    return found


class _Later(list[Entry]):
    """The entries from some number on, under their numbers."""

    base = 0

    def __len__(self) -> int:
        return self.base + super().__len__()

    def __getitem__(self, numbers: slice) -> list[Entry]:  # type: ignore[override]
        return super().__getitem__(slice(numbers.start - self.base, None))


class _Grown(Fleet):
    """Nodes that hold a big log, on disks in files; only the first holds the entries before the snapshot, too."""

    def __init__(self, bench: Bench, log: BigLog, home: Path) -> None:
        self._homes = {name: bench.scratch / f"{log.size}-{name}" for name in NODES}
        self._source = home
        desk = workspace()
        super().__init__(desk)
        head = self.nodes["guardian-1"]._here.replica.accepted
        desk.state, desk.entries = head, _Later()
        desk.entries.base = log.size
        self.now = head.time
        self.tick(1000)
        self.log_starts(self.tick(5000))

    def connect(self, name: str) -> sqlite3.Connection:
        """A copy of the home, with a share of the key."""
        home = self._homes[name]
        home.mkdir()
        if name == NODES[0]:
            shutil.copy(self._source / "node.db", home / "node.db")
        connection = _connect(home)
        disk = Disk(connection)
        if name != NODES[0]:
            _copy_behind_snapshot(Disk(_connect(self._source)), disk)
        if name in SIGNERS:
            _give_share(self.home, disk, SIGNERS.index(name) + 1)
        disk.commit()
        return connection


def _copy_behind_snapshot(source: Disk, to: Disk) -> None:
    state = Sealed(source).load(1 << 62)
    Sealed(to).put(state, state_digest(state))
    for kind in ("note", "cosigned"):
        for name, value in source.all(kind).items():
            to.put(kind, name, value)
    to.write_entries(state.size, source.entries(state.size))


def _give_share(home: Workspace, disk: Disk, index: int) -> None:
    key = home.state.keys["hot-ecdsa"]
    order = {
        "name": key.name, "scheme": key.scheme, "tier": key.tier, "participants": list(key.participants),
        "threshold": key.threshold, "epoch": key.epoch,
    }  # fmt: skip
    sealed = encode_base64(b"sealed %d" % index)
    disk.put(
        "share", key.transcript, {"order": order, "public_key": key.public_key.hex(), "sealed": sealed, "until": 0}
    )


def store_of(bench: Bench, log: BigLog) -> Path:
    """The coordinator's database with the whole log, made once."""
    path = bench.cache / f"{log.path.name}-store.db"
    if not path.exists():
        making = path.with_suffix(".making")
        making.unlink(missing_ok=True)
        database = Database.open(f"sqlite:///{making}")
        lease, tree = acquire(database, "log", "bench", 0, 10**12), Tree(_Nodes(database)).range()
        for chunk in _parsed(log):
            tree = append(database, lease, tree, chunk)
            bench.progress("storing a big log", tree.size, log.size)
        database.close()
        making.rename(path)
    return path


def _parsed(log: BigLog) -> Iterator[list[Entry]]:
    entries = (parsed or parse_entry(raw) for raw, parsed in parse_ahead(log.raws(), lambda: signers_in(EMPTY)))
    while chunk := list(islice(entries, CHUNK)):
        yield chunk


class _Nodes(LogStore):
    """The stored tree, to read from."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, None)  # type: ignore[arg-type]  # nothing is written through it


def appends(bench: Bench, stores: dict[int, Path]) -> dict[int, list[float]]:
    """Entries a second, appended one by one to each store, in turns."""
    _, entries = small.sample(bench, 100)
    opened = {}
    for count, path in stores.items():
        shutil.copy(path, bench.scratch / path.name)
        database = Database.open(f"sqlite:///{bench.scratch / path.name}")
        opened[count] = (database, acquire(database, "append", "bench", 0, 10**12))
    trees = {count: Tree(_Nodes(database), count).range() for count, (database, _) in opened.items()}
    found: dict[int, list[float]] = {count: [] for count in opened}
    rounds = bench.sized(15, 2)
    for _ in bench.each("appends to big logs", range(rounds), rounds):
        for count, (database, lease) in opened.items():

            def work(entries: Sequence[Entry] = entries, count: int = count) -> None:
                for entry in entries:
                    trees[count] = append(database, lease, trees[count], [entry])  # noqa: B023 - called at once

            found[count].append(len(entries) / timed(work)[0].wall)
    return found
