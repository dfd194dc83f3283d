"""What a benchmark yields: figures with their spread, goals, and ratios to something measured beside them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """A bar: at least (`up`) or less than `value`, in the figure's unit, for its median or its p99."""

    value: float
    up: bool = False
    of_p99: float | None = None

    def met(self, median: float, p99: float | None) -> bool:
        """Whether the figures reach it."""
        if self.up:
            return median >= self.value
        return median < self.value and (self.of_p99 is None or (p99 is not None and p99 < self.of_p99))

    def __str__(self) -> str:
        tail = "" if self.of_p99 is None else f", p99 < {show(self.of_p99)}"
        return f"{'≥' if self.up else '<'} {show(self.value)}{tail}"


@dataclass(frozen=True, slots=True)
class Beside:
    """A peer or a floor measured in the same run, in the same unit."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing: median (and p99) of `samples` measurements."""

    name: str
    unit: str
    median: float
    samples: int
    p99: float | None = None
    goal: Goal | None = None
    beside: tuple[Beside, ...] = ()
    note: str = ""

    @property
    def ratios(self) -> dict[str, float]:
        """This figure divided by each one beside it."""
        return {other.name: self.median / other.value for other in self.beside if other.value}

    def to_doc(self) -> dict[str, Any]:
        """As JSON takes it, with ratios and whether the goal was met."""
        met = None if self.goal is None else self.goal.met(self.median, self.p99)
        goal = None if self.goal is None else str(self.goal)
        return {**asdict(self), "goal": goal, "met": met, "ratios": self.ratios}


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark found; `remarks` are for the reader, a line each; `details` only for the JSON."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    remarks: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    others: float = 0.0
    """The share (0 to 1) of the machine's processor time that others used meanwhile."""

    def to_doc(self) -> dict[str, Any]:
        """As JSON takes it."""
        figures = [figure.to_doc() for figure in self.figures]
        told = {"title": self.title, "figures": figures, "remarks": list(self.remarks), "details": self.details}
        return {**told, "others": round(self.others, 3)}


def quantile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that `share` of all do not exceed (nearest rank)."""
    ordered = sorted(samples)
    return ordered[max(0, -(-int(share * 1_000_000) * len(ordered) // 1_000_000) - 1)]


def middle(samples: Sequence[float]) -> float:
    """The median."""
    return statistics.median(samples)


def figure(
    name: str,
    unit: str,
    samples: Sequence[float],
    *,
    tail: bool = False,
    goal: Goal | None = None,
    beside: Sequence[Beside] = (),
    note: str = "",
) -> Figure:
    """A figure of its samples; `tail` asks for the p99 as well."""
    p99 = quantile(samples, 0.99) if tail else None
    return Figure(name, unit, middle(samples), len(samples), p99, goal, tuple(beside), note)


def show(value: float) -> str:
    """A number for people: three digits that matter, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3g}"
