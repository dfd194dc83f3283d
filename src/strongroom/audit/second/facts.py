"""What a decision is about: plain values, as the page names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
"""A policy document, or a part of one, as it was adopted: JSON that the loader has taken."""


@dataclass(frozen=True, slots=True)
class Own:
    """An own wallet: `account` by CAIP-10, `usable` from that log time on (ms)."""

    name: str
    chain: str
    account: str
    tier: str
    key: str
    usable: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A destination's row on one list, usable from that log time on (ms)."""

    list: str
    usable: int
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Prices:
    """The newest `valuation.stated`: asset → 10^-9 of the smallest unit of account, seen at a time (ms)."""

    prices: Mapping[str, int]
    observed: int


@dataclass(frozen=True, slots=True)
class Facts:
    """One intent as its initiator stated it, from whose wallet, at what time, and what the log knows beside it.

    `time` is log time and `clock` the own one (ms), `fee` the worst-case fee in the native coin's base units;
    `own` finds an own wallet, `rows` the rows of the lists, by CAIP-10 account.
    """

    intent: Document
    initiator: str
    wallet: Own
    time: int
    clock: int
    fee: int
    own: Callable[[str], Own | None]
    rows: Callable[[str], Iterable[Row]]
    prices: Prices | None = None

    @property
    def earliest(self) -> int:
        """What is usable must be so by now (ms)."""
        return min(self.time, self.clock)

    @property
    def latest(self) -> int:
        """What is past its age is so by now (ms)."""
        return max(self.time, self.clock)

    def own_and_usable(self, account: str) -> bool:
        """Whether the account is that of an own wallet that is open and usable."""
        wallet = self.own(account)
        return wallet is not None and not wallet.closed and wallet.usable <= self.earliest
