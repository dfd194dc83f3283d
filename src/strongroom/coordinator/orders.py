"""What administrators order and witnesses state themselves: both are collected, and asked for until it is logged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from strongroom.coordinator.answers import OrderProgress, Submission
from strongroom.coordinator.desk import Desk
from strongroom.custody.authority import granting, in_force
from strongroom.documents.canonical import digest, encode, parse
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement, from_envelope
from strongroom.errors import Denied, StrongroomError
from strongroom.store.records import Collected
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR

PATIENCE_SECONDS: Final = 5.0  # for the answers of all nodes that are connected
PAUSE_SECONDS: Final = 3.0
HOPELESS: Final = ("statement.expired", "statement.seen_too_old", "repair.number", "policy.version")
"""What no further attempt mends: administrators order it anew."""


@dataclass(slots=True)
class Order:
    """One thing ordered: administrators' statements by person, and the witnesses' own by node."""

    kind: str
    subject: dict[str, Any]
    attachment: dict[str, Any] | None = None
    orders: dict[str, Envelope] = field(default_factory=dict)
    stated: dict[str, Envelope] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    stage: str = "orders"
    error: str = ""

    def documents(self) -> list[dict[str, Any]]:
        """The administrators' statements as a frame carries them."""
        return [self.orders[person].to_doc() for person in sorted(self.orders)]


class Carrier(Protocol):
    """Knows one kind of order: what may be ordered, what nodes are asked, and the entry that comes of it."""

    def check(self, order: Order) -> None:
        """Raises StrongroomError for what cannot be ordered now."""
        ...

    def question(self, order: Order) -> tuple[str, dict[str, Any]]:
        """Kind and head of the frame that asks a node for its statement."""
        ...

    async def finish(self, order: Order) -> None:
        """Log it with the statements there are; raises StrongroomError while that cannot be."""
        ...


class Orders:
    """Drives every order to its entry; after a restart from the stored statements."""

    def __init__(self, desk: Desk, carriers: Mapping[str, Carrier]) -> None:
        self._desk, self._carriers = desk, carriers
        self._orders: dict[tuple[str, str], Order] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of statement that are orders."""
        return self._carriers.keys()

    def start(self) -> None:
        """Take up what was ordered before."""
        for kind in self._carriers:
            for row in self._desk.records.collected(kind):
                envelope = Envelope.from_doc(parse(row.envelope.encode(), max_bytes=1 << 20))
                attachment = json.loads(row.attachment) if row.attachment else None
                try:
                    self._count(envelope, from_envelope(envelope), attachment)
                except StrongroomError:
                    self._desk.records.drop_collected(kind, row.subject, row.person)

    async def stop(self) -> None:
        """End the drivers; what is unfinished goes on after the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def progress(self) -> tuple[OrderProgress, ...]:
        """All that was ordered since the start, the newest last."""
        need = in_force(self._desk.state).administrators.threshold
        return tuple(
            OrderProgress(o.kind, o.subject, o.stage, len(o.orders), need, tuple(sorted(o.stated)), o.error)
            for o in self._orders.values()
        )

    async def take(self, envelope: Envelope, statement: Statement, attachment: dict[str, Any] | None) -> Submission:
        """Collect one administrator's statement; with the threshold the witnesses are asked."""
        order = self._count(envelope, statement, attachment)
        text = encode(envelope.to_doc()).decode()
        row = Collected(
            order.kind, digest(order.subject), statement.person, self._desk.clock(), text,
            json.dumps(order.attachment) if order.attachment else "",
        )  # fmt: skip
        await self._desk.records.put_collected(row)
        missing = in_force(self._desk.state).administrators.threshold - len(order.orders)
        lacking = f"{missing} more of the administrators" if missing > 0 else "the witnesses are asked"
        return Submission(order.kind, "collected", None, None, lacking)

    def _count(self, envelope: Envelope, statement: Statement, attachment: dict[str, Any] | None) -> Order:
        desk, kind = self._desk, statement.kind
        name = (kind, digest(statement.subject))
        order = self._orders.get(name)
        if order is None or order.stage in ("logged", "failed"):
            order = Order(kind, statement.subject, attachment)
        self._carriers[kind].check(order)
        granting(desk.state, envelope, kind, desk.sequencer.next_time())
        administrators = in_force(desk.state).administrators
        if statement.person not in administrators.members:
            raise Denied("authority.threshold", f"an administrator gives a {kind}")
        order.orders[statement.person] = envelope
        self._orders[name] = order
        if len(order.orders) >= administrators.threshold and name not in self._tasks:
            self._tasks[name] = task = asyncio.get_running_loop().create_task(self._drive(order))
            task.add_done_callback(lambda _: self._tasks.pop(name, None))
        return order

    async def _drive(self, order: Order) -> None:
        while order.stage not in ("logged", "failed"):
            order.stage = "witnesses"
            self._ask(order)
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while self._awaited(order):
                        order.heard.clear()
                        await order.heard.wait()
            except TimeoutError:
                pass  # those who have answered may be enough
            try:
                for envelope in order.orders.values():
                    granting(self._desk.state, envelope, order.kind, self._desk.sequencer.next_time())
                await self._carriers[order.kind].finish(order)
                order.stage, order.error = "logged", ""
            except StrongroomError as error:
                told = "; ".join(f"{node} refuses: {text}" for node, text in sorted(order.refused.items()))
                order.error = f"{error.code}: {error.message}" + (f" ({told})" if told else "")
                self._desk.say(f"{order.kind}: {order.error}")
                if error.code in HOPELESS:
                    order.stage = "failed"
                else:
                    await asyncio.sleep(PAUSE_SECONDS)
        self._desk.records.drop_collected(order.kind, digest(order.subject))

    def _ask(self, order: Order) -> None:
        order.refused.clear()
        kind, head = self._carriers[order.kind].question(order)
        for peer in self._desk.peers.connected():
            self._desk.transport.send(peer.name, Frame(kind, COORDINATOR, peer.name, head))

    def _awaited(self, order: Order) -> bool:
        return any(p.name not in order.stated and p.name not in order.refused for p in self._desk.peers.connected())

    def take_statement(self, node: str, head: Mapping[str, Any]) -> None:
        """A node's own statement, and what of the order's subject it repeats; raises InvalidInput on a wrong form."""
        envelope = Envelope.from_doc(head.get("envelope"))
        about = {name: value for name, value in head.items() if name != "envelope"}
        for order in self._orders.values():
            if about and about.items() <= order.subject.items() and from_envelope(envelope).person == node:
                order.stated[node] = envelope
                order.heard.set()

    def take_refusal(self, node: str, question: str, error: StrongroomError) -> None:
        """A node refuses to state what it was asked for."""
        for order in self._orders.values():
            if order.stage == "witnesses" and self._carriers[order.kind].question(order)[0] == question:
                order.refused[node] = f"{error.code}: {error.message}"
                order.heard.set()
