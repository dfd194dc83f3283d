"""A stream of transfers: customers who know nothing of crashes, and repeat a call that broke off word for word."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from strongroom.errors import StrongroomError, Unreachable
from strongroom.lab import chain
from strongroom.lab.actions import FINAL, KEY, WALLET, Actions

T = TypeVar("T")

PAUSE: Final = 0.1
AGAIN: Final = 0.5
"""Seconds between two orders of a refresh: while one runs, another is the same."""
HOURS_MS: Final = 6 * 3_600_000


@dataclass(slots=True)
class Order:
    """One transfer as its customer knows it: payee, wei, and once it is known its id and how it ended."""

    to: str
    amount: int
    id: str = ""
    status: str = ""
    seconds: float = 0.0


class Stream:
    """Customers in threads; each orders its next transfer when the one before has ended."""

    def __init__(self, actions: Actions, customers: int) -> None:
        self._actions, self._member = actions, actions.member("exchange")
        self.orders: list[Order] = []
        self.trouble: list[str] = []
        """What a customer was told that no crash explains."""
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._customer, daemon=True) for _ in range(customers)]
        self.last = time.monotonic()
        """When a transfer completed last."""

    def start(self) -> None:
        """Begin to order."""
        for thread in self._threads:
            thread.start()

    def close(self, patience: float) -> None:
        """Order nothing more, and wait for what was ordered."""
        self._closing.set()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def completed(self) -> int:
        """Transfers that have completed."""
        return sum(order.status == "completed" for order in self.orders)

    def _customer(self) -> None:
        while not self._closing.is_set():
            order = Order(f"0x{secrets.token_hex(20)}", 10**9 + secrets.randbelow(10**9))
            self.orders.append(order)
            try:
                self._carry(order)
            except StrongroomError as error:
                self.trouble.append(f"{order.id or order.to}: {error.code}: {error.message}")

    def _carry(self, order: Order) -> None:
        began = time.monotonic()
        subject = {
            "from": WALLET,
            "to": f"{chain.CHAIN}:{order.to}",
            "asset": chain.ETH_ASSET,
            "amount": str(order.amount),
            "why": "crash test",
            "until": time.time_ns() // 1_000_000 + HOURS_MS,
            "idempotency": secrets.token_hex(8),
        }
        body = insist(lambda: self._member.sign("transfer.propose", subject))
        order.id = insist(lambda: self._actions.api.post("/v1/transfers", body))["id"]
        document: dict[str, Any] = {"version": ""}
        while document.get("status") not in FINAL:
            query = {"wait": 5, "version": document["version"]} if document["version"] else {}
            document = insist(lambda query=query: self._actions.api.get(f"/v1/transfers/{order.id}", **query))
        order.status, order.seconds = document["status"], time.monotonic() - began
        self.last = time.monotonic()


class Renewals:
    """An administrator who orders refreshes of the key while they are wanted."""

    def __init__(self, actions: Actions, wanted: Callable[[], bool]) -> None:
        self._actions, self._alice, self._wanted = actions, actions.member("alice"), wanted
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._order, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Order nothing more."""
        self._closing.set()
        self._thread.join()

    def _order(self) -> None:
        while not self._closing.wait(AGAIN):
            if not self._wanted():
                continue
            try:
                (epoch,) = (row["epoch"] for row in self._actions.api.get("/v1/keys")["keys"] if row["name"] == KEY)
                self._alice.state("key.refresh", {"key": KEY, "epoch": epoch + 1})
            except StrongroomError:
                continue  # nobody is there, or the key is being refreshed already


def insist(call: Callable[[], T]) -> T:
    """Repeat a call until somebody answers it; raises StrongroomError for an answer that is a no."""
    while True:
        try:
            return call()
        except Unreachable:
            time.sleep(PAUSE)
