"""Transfers in the order of the log, newest first, sought by their number: however many there are."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from strongroom.custody.state import CustodyState, Transfer, TransferId

PAGE: Final = 50
MOST_LOOKED_AT: Final = 500


@dataclass(frozen=True, slots=True)
class Numbered:
    """A transfer's id and its number: how many were proposed before it."""

    number: int
    name: TransferId


def newest(state: CustodyState, before: int | None = None) -> Iterator[Numbered]:
    """Every transfer ever proposed, newest first, from the number below `before` on."""
    rows = state.proposals.rows
    end = len(rows) if before is None else min(before, len(rows))
    for number, row in zip(range(end - 1, -1, -1), rows.backwards(end), strict=False):
        yield Numbered(number, TransferId(row[:32].hex()))


def open_ones(state: CustodyState, before: int | None = None) -> Iterator[Numbered]:
    """Those of them that have not ended."""
    left = len(state.open)
    for row in newest(state, before):
        if not left:
            return
        if row.name in state.open:
            left -= 1
            yield row


def newest_open(state: CustodyState) -> list[Transfer]:
    """The newest transfers that have not ended: as many as are looked through for what concerns one person."""
    return heapq.nlargest(MOST_LOOKED_AT, map(state.transfers.__getitem__, state.open), key=lambda each: each.proposed)
