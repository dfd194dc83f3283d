"""What was authorized, and its sums over windows of log time."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

UNPRICED: Final = 2**256 - 1
_BUCKETS: Final = 64

Kind = tuple[str, ...]
"""What a window sums: `amounts, per, asset` · `values, per` · `fees, coin` · `out` of tiers · `in`to tiers."""


@dataclass(frozen=True, slots=True)
class Debit:
    """One authorized transfer: from a wallet of a tier, `into` an own wallet of another tier, or nowhere (empty).

    Amounts in base units, values in the smallest unit of account, at the log time (ms) of its authorization.
    """

    time: int
    initiator: str
    wallet: str
    tier: str
    destination: str
    into: str
    asset: str
    amount: int
    native: str
    fee: int
    value: int = UNPRICED
    fee_value: int = UNPRICED

    def adds(self, kind: Kind) -> Mapping[str, int]:
        """What it adds to windows of a kind, by whom they count for."""
        match kind:
            case ("fees", coin):
                return {self.wallet: self.fee} if coin == self.native else {}
            case ("amounts", per, asset):
                added = self.amount * (asset == self.asset) + self.fee * (asset == self.native)
                return {asset if per == "asset" else self._subject(per): added}
            case ("values", "asset") if self.fee and self.asset != self.native:
                return {self.asset: self.value, self.native: self.fee_value}
            case ("values", "asset"):
                return {self.asset: self.value + self.fee_value}
            case ("values", per):
                return {self._subject(per): self.value + self.fee_value}
            case ("out",):
                return {self.tier: self.value + self.fee_value}
        return {self.into: self.value + self.fee_value} if self.into else {}

    def _subject(self, per: str) -> str:
        return {"initiator": self.initiator, "source": self.wallet, "destination": self.destination}[per]


@dataclass(slots=True)
class _Series:
    """A growing sum over time."""

    times: list[int] = field(default_factory=list)
    sums: list[int] = field(default_factory=lambda: [0])

    def add(self, time: int, amount: int) -> None:
        self.times.append(time)
        self.sums.append(self.sums[-1] + amount)

    def since(self, start: int) -> int:
        return self.sums[-1] - self.sums[bisect_left(self.times, start)]


class History:
    """Debits in the order of their times, summed for every kind of window that somebody has asked for."""

    def __init__(self, debits: Iterable[Debit] = ()) -> None:
        self.debits = list(debits)
        self._sums: dict[Kind, defaultdict[str, _Series]] = {}

    def add(self, debit: Debit) -> None:
        """One more, not before the last."""
        self.debits.append(debit)
        for kind, series in self._sums.items():
            _put(debit, kind, series)

    def total(self, kind: Kind, subject: str, seconds: int, time: int) -> int:
        """The sum of a window of so many seconds that ends at a log time (ms)."""
        if kind not in self._sums:
            self._sums[kind] = defaultdict(_Series)
            for debit in self.debits:
                _put(debit, kind, self._sums[kind])
        bucket = max(1, 1000 * seconds // _BUCKETS)
        series = self._sums[kind].get(subject)
        return series.since((time - 1000 * seconds) // bucket * bucket) if series else 0


def _put(debit: Debit, kind: Kind, series: defaultdict[str, _Series]) -> None:
    for subject, amount in debit.adds(kind).items():
        if amount:
            series[subject].add(debit.time, amount)
