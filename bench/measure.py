"""Stopwatches, and where a benchmark tells how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class Progress(Protocol):
    """A line on the terminal that moves."""

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        """`what` is under way, `done` of `total` (0: unknown)."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What a benchmark is given: whether to be brief and to run peers, scratch, a cache that stays, a progress line."""

    quick: bool
    peers: bool
    scratch: Path
    cache: Path
    progress: Progress

    def sized(self, full: int, quick: int) -> int:
        """How many, by how thorough this run is."""
        return quick if self.quick else full

    def each(self, what: str, items: Iterable[T], total: int) -> Iterator[T]:
        """Go through items and show how far it is."""
        for done, item in enumerate(items):
            self.progress(what, done, total)
            yield item
        self.progress(what, total, total)


@dataclass(frozen=True, slots=True)
class Timing:
    """One stretch of work: wall seconds and CPU seconds of this process."""

    wall: float
    cpu: float


def timed(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[Timing, T]:
    """Do it once; how long it took, and what it returned."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work(*args, **kwargs)
    return Timing(time.perf_counter() - wall, time.process_time() - cpu), result


def rates(work: Callable[[int], object], rounds: int, seconds: float) -> list[float]:
    """`work(n)` does a thing n times; its rate a second in each of `rounds` rounds of about `seconds` (wall)."""
    count, took = 1, timed(work, 1)[0].wall
    while took < seconds / 8:
        count = max(count * 2, int(count * min(8.0, seconds / 4 / max(took, 1e-9))))
        took = timed(work, count)[0].wall
    count = max(1, int(count * seconds / took))
    return [count / timed(work, count)[0].wall for _ in range(rounds)]
