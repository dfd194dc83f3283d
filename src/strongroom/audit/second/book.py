"""The auditor's own account: the newest prices, and what was authorized so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strongroom.audit.second.facts import Document, Own, Prices
from strongroom.audit.second.history import Debit, History
from strongroom.audit.second.spending import into, revalued


class Book:
    """Kept entry by entry, in the order of the log; what is authorized is added to its history."""

    def __init__(self) -> None:
        self.history = History()
        self.prices: Prices | None = None

    def state(self, policy: Document, prices: Prices, own: Callable[[str], Own | None]) -> None:
        """Newer prices; the first ones value what was authorized before there were any, by the own wallets of now."""
        if self.prices is None:
            tiers = (replace(debit, into=into(own, debit.destination, debit.tier)) for debit in self.history.debits)
            self.history = History(revalued(policy, prices, debit) for debit in tiers)
        self.prices = prices

    def pay_more(self, policy: Document, debit: Debit, prices: Prices | None, time: int, fee: int) -> None:
        """Count what a dearer payload may cost beyond an authorization, at a later time, by the prices of that one."""
        dearer = replace(debit, time=time, amount=0, fee=fee)
        self.history.add(revalued(policy, prices or self.prices, dearer))
