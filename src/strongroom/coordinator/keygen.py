"""Key generation: orders up to the threshold, the signers' protocol, equal transcripts, a working signature."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from strongroom.chains.verify import verify_signature
from strongroom.coordinator.answers import KeygenProgress, Submission
from strongroom.coordinator.desk import Desk
from strongroom.custody.authority import granting, in_force, stopping
from strongroom.custody.keys import check_order, possession_digest
from strongroom.custody.state import ThresholdKey
from strongroom.documents.canonical import digest, encode, fields, parse
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement, from_envelope
from strongroom.errors import Denied, Refused, StrongroomError, Unreachable
from strongroom.store.records import Collected
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR

KIND: Final = "key.generate"
PATIENCE_SECONDS: Final = 70.0
PAUSE_SECONDS: Final = 5.0
MOST_TRIES: Final = 5
_TRANSCRIPT: Final = {
    "name": str,
    "envelope": dict,
    "public_key": str,
    "chain_code": str | None,
    "transcript": str,
}


@dataclass(slots=True)
class Run:
    """One key on its way: its order, the administrators' statements, what the participants have reported."""

    order: dict[str, Any]
    orders: dict[str, Envelope] = field(default_factory=dict)
    transcripts: dict[str, tuple[Envelope, dict[str, Any]]] = field(default_factory=dict)
    complete: asyncio.Future[None] | None = None
    progress: KeygenProgress = field(default_factory=lambda: KeygenProgress("", "orders", 0, 0, ""))


class KeygenDriver:
    """Drives each ordered key until it is in the log; after a restart from the stored orders."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._runs: dict[str, Run] = {}
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

    def progress(self) -> tuple[KeygenProgress, ...]:
        """All keys ordered since the start, the newest last."""
        return tuple(run.progress for run in self._runs.values())

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

    def _count(self, envelope: Envelope, statement: Statement) -> Run:
        desk = self._desk
        check_order(desk.state, statement.subject)
        granting(desk.state, envelope, KIND, desk.sequencer.next_time())
        administrators = in_force(desk.state).administrators
        if statement.person not in administrators.members:
            raise Denied("authority.threshold", "an administrator orders a key")
        name = statement.subject["name"]
        run = self._runs.get(name)
        if run is None or (encode(run.order) != encode(statement.subject) and name not in self._tasks):
            run = self._runs[name] = Run(statement.subject)
        if encode(run.order) != encode(statement.subject):
            raise Refused("key.exists", f"a key named '{name}' is being generated under another order")
        run.orders[statement.person] = envelope
        if name not in self._tasks:
            self._show(run, "orders", len(run.orders), administrators.threshold)
            if len(run.orders) >= administrators.threshold:
                task = asyncio.get_running_loop().create_task(self._drive(run))
                self._tasks[name] = task
                task.add_done_callback(lambda _: self._tasks.pop(name, None))
        return run

    def _show(self, run: Run, stage: str, done: int, total: int, error: str = "") -> None:
        run.progress = KeygenProgress(run.order["name"], stage, done, total, error)
        self._desk.timeline.event(f"key:{run.order['name']}", stage, error or f"{done} of {total}")

    async def _drive(self, run: Run) -> None:
        total = len(run.order["participants"])
        for attempt in range(MOST_TRIES):
            try:
                await self._generate(run)
                self._show(run, "logged", total, total)
                return
            except StrongroomError as error:
                again = attempt + 1 < MOST_TRIES
                self._desk.say(f"key {run.order['name']}: {error}")
                self._show(run, "generating" if again else "failed", 0, total, f"{error.code}: {error.message}")
                await asyncio.sleep(PAUSE_SECONDS)

    async def _generate(self, run: Run) -> None:
        desk, order = self._desk, run.order
        participants = tuple(order["participants"])
        await self._all_here(participants)
        run.transcripts.clear()
        run.complete = asyncio.get_running_loop().create_future()
        self._show(run, "generating", 0, len(participants))
        orders = [run.orders[person].to_doc() for person in sorted(run.orders)]
        head = {"order": order, "orders": orders, "nonce": desk.sessions.nonce()}
        for node in participants:
            desk.transport.send(node, Frame("keygen", COORDINATOR, node, head))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await run.complete
        except TimeoutError:
            missing = ", ".join(node for node in participants if node not in run.transcripts)
            raise Unreachable("session.timeout", f"no transcript from {missing}") from None
        finally:
            run.complete = None
        outcomes = [outcome for _, outcome in run.transcripts.values()]
        if any(outcome != outcomes[0] for outcome in outcomes):
            raise Refused("key.transcript_differs", "the participants' transcripts are not equal")
        possession = await self._possession(run, outcomes[0])
        body = {"order": order, **outcomes[0], "possession": possession.hex()}
        evidence = [run.orders[person] for person in sorted(run.orders)]
        evidence += [run.transcripts[node][0] for node in participants]
        index = desk.sequencer.submit("key.generated", body, evidence)
        await desk.sequencer.durable(index)
        desk.records.drop_collected(KIND, digest(order))

    async def _all_here(self, participants: tuple[str, ...]) -> None:
        """Wait a little for the participants' starts to be cosigned: sessions run between logged boots only."""
        away: list[str] = []
        for _ in range(100):
            boots = self._desk.cosigned.boots
            peers = [self._desk.peers[node] for node in participants if node in self._desk.peers]
            away = [p.name for p in peers if not (p.connected and p.name in boots and boots[p.name].boot == p.boot)]
            if not away:
                return
            await asyncio.sleep(0.1)
        raise Unreachable("node.unreachable", f"every participant takes part; not here: {', '.join(away)}")

    async def _possession(self, run: Run, outcome: dict[str, Any]) -> bytes:
        """A first signature of the new key by t participants, verified."""
        desk, order = self._desk, run.order
        name, public = order["name"], bytes.fromhex(outcome["public_key"])
        message = possession_digest(desk.state.workspace, name, outcome["transcript"])
        key = ThresholdKey(
            name, order["scheme"], order["tier"], public, None, tuple(order["participants"]),
            order["threshold"], order["epoch"], outcome["transcript"],
        )  # fmt: skip
        self._show(run, "possession", 0, 1)
        chosen = desk.sessions.choose(key, desk.available(key), desk.state.bars)
        if chosen is None:
            raise Unreachable("quorum.unreachable", desk.quorums(key))

        def check(signature: bytes) -> None:
            verify_signature(order["scheme"], public, message, signature)

        return await desk.sessions.run("possession", name, message.hex(), chosen, {"name": name}, check)

    def take_transcript(self, node: str, head: dict[str, Any]) -> None:
        """A participant has finished: its signed transcript. Raises StrongroomError on a wrong form."""
        found = fields(head, "transcript", _TRANSCRIPT)
        run = self._runs.get(found["name"])
        if run is None or run.complete is None or run.complete.done() or node not in run.order["participants"]:
            return
        envelope = Envelope.from_doc(found["envelope"])
        statement = stopping(self._desk.state, envelope, "key.transcript")
        outcome = {name: found[name] for name in ("public_key", "chain_code", "transcript")}
        subject = {"key": run.order["name"], "epoch": run.order["epoch"], **outcome}
        if statement.person != node or statement.subject != subject:
            raise Refused("key.transcript_differs", f"{node} reports another transcript than it signed")
        run.transcripts[node] = (envelope, outcome)
        self._show(run, "generating", len(run.transcripts), len(run.order["participants"]))
        if len(run.transcripts) == len(run.order["participants"]):
            run.complete.set_result(None)

    def take_refusal(self, node: str, ref: str, error: Refused) -> None:
        """A participant refuses: the attempt is over."""
        for name, run in self._runs.items():
            waiting = run.complete is not None and not run.complete.done()
            if waiting and node in run.order["participants"] and ref in (name, "", digest(run.order)):
                assert run.complete is not None  # noqa: S101 - checked just above
                run.complete.set_exception(Refused(error.code, f"{node}: {error.message}"))

    def lost(self, node: str) -> None:
        """A participant's connection ended: the attempt is over."""
        for run in self._runs.values():
            if run.complete is not None and not run.complete.done() and node in run.order["participants"]:
                run.complete.set_exception(Unreachable("node.unreachable", f"{node} has gone"))
