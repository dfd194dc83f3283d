"""One transfer on top of a history: what it would add to windows, and what they come to with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from strongroom.audit.second.facts import Document, Facts, Own, Prices
from strongroom.audit.second.history import Debit, History, Kind
from strongroom.audit.second.intent import Act, native_of
from strongroom.audit.second.values import worth


def debit_of(policy: Document, facts: Facts, act: Act) -> Debit:
    """The transfer as it would be authorized now."""
    wallet, native = facts.wallet, native_of(policy, facts.wallet.chain)
    bare = Debit(
        facts.time, facts.initiator, wallet.name, wallet.tier, act.destination,
        into(facts.own, act.destination, wallet.tier), act.asset, act.amount, native, facts.fee,
    )  # fmt: skip
    return revalued(policy, facts.prices, bare)


def into(own: Callable[[str], Own | None], destination: str, tier: str) -> str:
    """The tier of an own wallet that a destination is, where it is not the source's; else empty."""
    target = own(destination)
    return target.tier if target is not None and target.tier != tier else ""


def revalued(policy: Document, prices: Prices | None, debit: Debit) -> Debit:
    """The same debit by these prices."""
    value = worth(policy, prices, debit.asset, debit.amount)
    return replace(debit, value=value, fee_value=worth(policy, prices, debit.native, debit.fee))


@dataclass(frozen=True, slots=True)
class Case:
    """A transfer before a policy: what it comes to, what it would take, and what was authorized before it."""

    policy: Document
    facts: Facts
    act: Act
    debit: Debit
    history: History

    def keeps(self, window: Document, most: str, *kind: str) -> bool:
        """Whether no window of the kind that it adds to, or stays in, has more in it with the transfer than `most`."""
        return all(total <= int(most) for _, total in self._sums(window, kind))

    def breaks(self, window: Document, most: str, *kind: str) -> bool:
        """Whether a window of the kind that it adds something to has more in it then than `most`."""
        return any(added and total > int(most) for added, total in self._sums(window, kind))

    def _sums(self, window: Document, kind: Kind) -> list[tuple[int, int]]:
        seconds, time = window["seconds"], self.debit.time
        return [
            (added, added + self.history.total(kind, subject, seconds, time))
            for subject, added in self.debit.adds(kind).items()
        ]
