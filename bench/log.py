"""Log appends a second through the coordinator's store, beside bare SQLite, and how fast entries are read back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import count as numbers
from pathlib import Path
from typing import Final

from bench.figures import Beside, Goal, Section, figure, middle
from bench.measure import Bench, rates, timed
from strongroom.custody.fold import apply
from strongroom.custody.state import CustodyState
from strongroom.log.entry import Entry, parse_entry
from strongroom.log.tree import CompactRange
from strongroom.store.database import Database
from strongroom.store.lease import acquire
from strongroom.store.log import append
from tests.workspace import Workspace

BATCH: Final = 500


def run(bench: Bench) -> Section:
    """Single and batched appends with their floors, then parsing, hashing and folding."""
    total, batch = bench.sized(2000, 60), bench.sized(BATCH, 20)
    before, entries = sample(bench, total)
    rounds = bench.sized(15, 3)
    bare, store = Bare(bench.scratch / "bare.db"), Store(bench.scratch / "store.db")
    single: dict[str, list[float]] = {"bare": [], "store": []}
    batched: dict[str, list[float]] = {"bare": [], "store": []}
    # Floor and store take turns, so that other work on the machine falls on both.
    for _ in bench.each("appends", range(rounds), rounds):
        for name, append_to in (("bare", bare.append), ("store", store.append)):
            single[name].append(_rate(append_to, entries, 1, 100))
            batched[name].append(_rate(append_to, entries, batch, 2))
    bench.progress("reading back")
    seconds = 0.02 if bench.quick else 0.3
    raws = [entry.raw for entry in entries]
    parsed = rates(lambda n: [parse_entry(raws[i % total]) for i in range(n)], rounds, seconds)
    hashed = rates(lambda n: _hashed(entries, n), rounds, seconds)
    folded = [total / timed(reduce, apply, map(parse_entry, raws), before)[0].wall for _ in range(min(rounds, 5))]
    mean = sum(map(len, raws)) // total
    return Section(
        "log",
        f"The log (entries of {mean} bytes: signed proposals)",
        (
            figure(
                "append, one entry a transaction", "1/s", single["store"], goal=Goal(1_000, up=True),
                beside=[_floor("bare SQLite insert and commit", single["bare"])],
                note="rounds of 100; WAL, synchronous=FULL",
            ),
            figure(
                f"append, {batch} entries a transaction", "1/s", batched["store"], goal=Goal(15_000, up=True),
                beside=[_floor("bare SQLite, as many a transaction", batched["bare"])],
            ),
            figure("parse an entry", "1/s", parsed, note="canonical form checked, envelopes parsed, leaf hashed"),
            figure("Merkle tree: append a leaf hash", "1/s", hashed, note="in memory, root each time"),
            figure(
                "replay: parse, verify the statement, fold", "1/s", folded, beside=[_floor("parsing alone", parsed)]
            ),
        ),
    )  # fmt: skip


def sample(bench: Bench, total: int) -> tuple[CustodyState, list[Entry]]:
    """A state, and signed proposals that continue it."""
    workspace = Workspace().ready()
    before, at = workspace.state, len(workspace.entries)
    for _ in bench.each("signing sample entries", range(total), total):
        workspace.propose()
        workspace.time += 10
    return before, workspace.entries[at:]


def _floor(name: str, samples: Sequence[float]) -> Beside:
    return Beside(name, middle(samples))


def _rate(append_to: Callable[[Sequence[Entry]], object], entries: Sequence[Entry], size: int, times: int) -> float:
    """Entries a second over `times` appends of `size` entries each."""

    def work() -> None:
        for number in range(times):
            start = number * size % (len(entries) - size + 1)
            append_to(entries[start : start + size])

    return size * times / timed(work)[0].wall


def _hashed(entries: Sequence[Entry], count: int) -> CompactRange:
    tree = CompactRange()
    for index in range(count):
        tree = tree.append(entries[index % len(entries)].leaf)
        tree.root()
    return tree


class Store:
    """The coordinator's own."""

    def __init__(self, path: Path) -> None:
        self._database = Database.open(f"sqlite:///{path}")
        self._lease, self._tree = acquire(self._database, "log", "bench", 0, 10**12), CompactRange()

    def append(self, entries: Sequence[Entry]) -> None:
        """Durable when it returns."""
        self._tree = append(self._database, self._lease, self._tree, entries)


class Bare:
    """The least that keeps the same bytes: one table, no tree, no lease."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._numbers = numbers()
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE entries (idx INTEGER PRIMARY KEY, raw BLOB NOT NULL)")

    def append(self, entries: Sequence[Entry]) -> None:
        """Durable when it returns."""
        rows = [(next(self._numbers), entry.raw) for entry in entries]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO entries VALUES (?, ?)", rows)
        self._db.execute("COMMIT")
