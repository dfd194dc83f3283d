"""Key generation: orders up to the administrators' threshold, then the signers' ceremony, until the key is logged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from strongroom.coordinator.answers import Submission
from strongroom.coordinator.ceremony import Ceremony
from strongroom.coordinator.desk import Desk
from strongroom.custody.authority import granting, in_force
from strongroom.custody.keys import check_order
from strongroom.documents.canonical import digest, encode, parse
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement, from_envelope
from strongroom.errors import Denied, Refused, StrongroomError
from strongroom.store.records import Collected

KIND: Final = "key.generate"
PAUSE_SECONDS: Final = 5.0
MOST_TRIES: Final = 5


@dataclass(slots=True)
class Ordered:
    """One key on its way: its order and the administrators' statements."""

    order: dict[str, Any]
    orders: dict[str, Envelope] = field(default_factory=dict)


class KeygenDriver:
    """Drives each ordered key until it is in the log; after a restart from the stored orders."""

    def __init__(self, desk: Desk, ceremony: Ceremony) -> None:
        self._desk, self._ceremony = desk, ceremony
        self._runs: dict[str, Ordered] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Take up what was ordered before."""
        for row in self._desk.records.collected(KIND):
            envelope = Envelope.from_doc(parse(row.envelope.encode(), max_bytes=1 << 20))
            statement = from_envelope(envelope)
            if statement.subject.get("name") in self._desk.state.keys:
                self._desk.records.drop_collected(KIND, row.subject)
                continue
            try:
                self._count(envelope, statement)
            except StrongroomError:
                self._desk.records.drop_collected(KIND, row.subject, row.person)

    async def stop(self) -> None:
        """End the drivers; an unfinished generation starts anew later."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def order(self, envelope: Envelope, statement: Statement) -> Submission:
        """Collect one administrator's order; with the threshold the generation begins."""
        run = self._count(envelope, statement)
        text = encode(envelope.to_doc()).decode()
        subject = digest(statement.subject)
        row = Collected(KIND, subject, statement.person, self._desk.clock(), text, "")
        await self._desk.records.put_collected(row)
        need = in_force(self._desk.state).administrators.threshold
        missing = max(0, need - len(run.orders))
        lacking = f"{missing} more of the administrators" if missing else "the signers are generating the key"
        return Submission(KIND, "collected", None, None, lacking)

    def _count(self, envelope: Envelope, statement: Statement) -> Ordered:
        desk = self._desk
        check_order(desk.state, statement.subject)
        granting(desk.state, envelope, KIND, desk.sequencer.next_time())
        administrators = in_force(desk.state).administrators
        if statement.person not in administrators.members:
            raise Denied("authority.threshold", "an administrator orders a key")
        name = statement.subject["name"]
        run = self._runs.get(name)
        if run is None or (encode(run.order) != encode(statement.subject) and name not in self._tasks):
            run = self._runs[name] = Ordered(statement.subject)
        if encode(run.order) != encode(statement.subject):
            raise Refused("key.exists", f"a key named '{name}' is being generated under another order")
        run.orders[statement.person] = envelope
        if name not in self._tasks:
            self._ceremony.show(run.order["name"], "orders", len(run.orders), administrators.threshold)
            if len(run.orders) >= administrators.threshold:
                task = asyncio.get_running_loop().create_task(self._drive(run))
                self._tasks[name] = task
                task.add_done_callback(lambda _: self._tasks.pop(name, None))
        return run

    async def _drive(self, run: Ordered) -> None:
        total = len(run.order["participants"])
        for attempt in range(MOST_TRIES):
            try:
                await self._generate(run)
                self._ceremony.show(run.order["name"], "logged", total, total)
                return
            except StrongroomError as error:
                again = attempt + 1 < MOST_TRIES
                self._desk.say(f"key {run.order['name']}: {error}")
                stage = "generating" if again else "failed"
                self._ceremony.show(run.order["name"], stage, 0, total, f"{error.code}: {error.message}")
                await asyncio.sleep(PAUSE_SECONDS)

    async def _generate(self, run: Ordered) -> None:
        desk, order = self._desk, run.order
        orders = [run.orders[person] for person in sorted(run.orders)]
        head = {"order": order, "orders": [each.to_doc() for each in orders], "nonce": desk.sessions.nonce()}
        outcome, transcripts = await self._ceremony.run("keygen", order, head)
        index = desk.sequencer.submit("key.generated", {"order": order, **outcome}, [*orders, *transcripts])
        await desk.sequencer.durable(index)
        desk.records.drop_collected(KIND, digest(order))
