"""The tree of heads that a model run is about: every log of bounded length over a small alphabet of entries.

Heads are numbered; a set of heads is an int with one bit a head. Head 0 is the empty log, cosigned by everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Log = tuple[str, ...]

PLAIN = "abg"
"""Entries that anybody may append: `a` and `b` differ in nothing but their bytes, `g` authorizes a transfer."""
STOP, CHANGE, CHANGED = "s", "C", "W"
"""`workspace.frozen`; `signer.enrolled` (one joins for one that leaves); `witnesses.changed` with its certificate."""
REPAIRS = {"1": 1, "2": 2}
"""`log.repaired` by its number."""


def may_follow(log: Log, entry: str) -> bool:
    """What the fold says without looking at evidence: once a freeze, no grant under it, one change, repairs rise."""
    if entry in REPAIRS:
        return REPAIRS[entry] > repair_of(log)
    if entry == CHANGED:
        return CHANGE in log and CHANGED not in log
    if entry in "sgC":
        return entry not in log and not (entry == "g" and STOP in log)
    return True


def repair_of(log: Log) -> int:
    """The highest repair number in the log."""
    return max((REPAIRS[entry] for entry in log if entry in REPAIRS), default=0)


@dataclass(frozen=True)
class Tree:
    """All heads over `alphabet` with at most `size` entries, `plain` of them plain."""

    alphabet: str
    size: int
    plain: int

    @cached_property
    def logs(self) -> list[Log]:
        """The entries of each head."""
        found: list[Log] = [()]
        for log in found:
            room = self.alphabet if sum(entry in PLAIN for entry in log) < self.plain else self.alphabet.strip(PLAIN)
            if len(log) < self.size:
                found.extend((*log, entry) for entry in room if may_follow(log, entry))
        return found

    @cached_property
    def number(self) -> dict[Log, int]:
        """The head of a log."""
        return {log: head for head, log in enumerate(self.logs)}

    @cached_property
    def children(self) -> list[list[tuple[str, int]]]:
        """The heads one entry longer, each with that entry."""
        return [
            [(entry, self.number[(*log, entry)]) for entry in self.alphabet if (*log, entry) in self.number]
            for log in self.logs
        ]

    @cached_property
    def sizes(self) -> list[int]:
        """The number of entries."""
        return [len(log) for log in self.logs]

    @cached_property
    def repairs(self) -> list[int]:
        """The highest repair number."""
        return [repair_of(log) for log in self.logs]

    @cached_property
    def rank(self) -> list[tuple[int, int]]:
        """What makes a head higher than another: repair number, then size."""
        return list(zip(self.repairs, self.sizes, strict=True))

    @cached_property
    def upto(self) -> list[int]:
        """The head and all heads that it extends, as a set."""
        return [sum(1 << self.number[log[:size]] for size in range(len(log) + 1)) for log in self.logs]

    @cached_property
    def closure(self) -> list[int]:
        """What an accept or a cosignature of a head counts for: it, and what it extends under the same repair number.

        More than the rules grant (they count exactly one head): a bad coordinator gets more to show, never less.
        """
        same = [sum(1 << h for h, repair in enumerate(self.repairs) if repair == k) for k in self.repairs]
        return [mask & same[head] for head, mask in enumerate(self.upto)]

    @cached_property
    def extending(self) -> list[int]:
        """The head and all heads that extend it."""
        heads = range(len(self.logs))
        return [sum(1 << longer for longer in heads if self.upto[longer] >> head & 1) for head in heads]

    @cached_property
    def conflicts(self) -> list[int]:
        """The heads that neither extend this one nor are extended by it."""
        whole = (1 << len(self.logs)) - 1
        return [whole & ~(longer | shorter) for longer, shorter in zip(self.extending, self.upto, strict=True)]

    def holding(self, entry: str) -> int:
        """The set of heads whose log holds the entry."""
        return sum(1 << head for head, log in enumerate(self.logs) if entry in log)


def members(heads: int) -> Iterator[int]:
    """The heads of a set, lowest number first."""
    while heads:
        low = heads & -heads
        yield low.bit_length() - 1
        heads ^= low
