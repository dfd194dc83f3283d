"""One run of the signers that makes shares: the same transcript from everybody, then a signature that works."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from strongroom.chains.verify import verify_signature
from strongroom.coordinator.answers import KeygenProgress
from strongroom.coordinator.desk import Desk
from strongroom.custody.authority import stopping
from strongroom.custody.keys import OUTCOME, possession_digest
from strongroom.custody.state import ThresholdKey
from strongroom.documents.canonical import digest, fields
from strongroom.documents.envelope import Envelope
from strongroom.errors import Refused, Unreachable
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR

PATIENCE_SECONDS: Final = 70.0
LOOKS: Final = 100
"""How often, every tenth of a second, it is seen whether everybody is here."""
_TRANSCRIPT: Final = {"name": str, "envelope": dict, **OUTCOME}


@dataclass(slots=True)
class Run:
    """What the participants of one run have reported, and the promise that all of them do."""

    order: dict[str, Any]
    complete: asyncio.Future[None]
    transcripts: dict[str, tuple[Envelope, dict[str, Any]]] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether transcripts are still awaited."""
        return not self.complete.done()


class Ceremony:
    """Key generations and refreshes, at most one at a time for a key's name, and how far each has come."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._runs: dict[str, Run] = {}
        self._progress: dict[str, KeygenProgress] = {}

    def progress(self) -> tuple[KeygenProgress, ...]:
        """The last run of each key since the start."""
        return tuple(self._progress.values())

    def show(self, name: str, stage: str, done: int, total: int, error: str = "") -> None:
        """Note how far a key has come."""
        self._progress[name] = KeygenProgress(name, stage, done, total, error)
        self._desk.timeline.event(f"key:{name}", stage, error or f"{done} of {total}")

    async def run(
        self, kind: str, order: dict[str, Any], head: dict[str, Any]
    ) -> tuple[dict[str, Any], list[Envelope]]:
        """Ask all participants by frames of this kind; the outcome with its possession proof, and their statements.

        Raises Refused, Unreachable.
        """
        desk, name, participants = self._desk, order["name"], tuple(order["participants"])
        await self._all_here(participants)
        run = self._runs[name] = Run(order, asyncio.get_running_loop().create_future())
        self.show(name, "generating" if kind == "keygen" else "refreshing", 0, len(participants))
        for node in participants:
            desk.transport.send(node, Frame(kind, COORDINATOR, node, head))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await run.complete
        except TimeoutError:
            missing = ", ".join(node for node in participants if node not in run.transcripts)
            raise Unreachable("session.timeout", f"no transcript from {missing}") from None
        finally:
            del self._runs[name]
        outcomes = [outcome for _, outcome in run.transcripts.values()]
        if any(outcome != outcomes[0] for outcome in outcomes):
            raise Refused("key.transcript_differs", "the participants' transcripts are not equal")
        possession = await self._possession(order, outcomes[0])
        return {**outcomes[0], "possession": possession.hex()}, [run.transcripts[node][0] for node in participants]

    async def _all_here(self, participants: tuple[str, ...]) -> None:
        """Wait a little for the participants' starts to be cosigned: sessions run between logged boots only."""
        away: list[str] = []
        for _ in range(LOOKS):
            away = [node for node in participants if not self._is_here(node)]
            if not away:
                return
            await asyncio.sleep(0.1)
        raise Unreachable("node.unreachable", f"every participant takes part; not here: {', '.join(away)}")

    def _is_here(self, node: str) -> bool:
        boots = self._desk.cosigned.boots
        if node not in self._desk.peers or node not in boots:
            return False
        peer = self._desk.peers[node]
        return peer.connected and peer.boot == boots[node].boot

    async def _possession(self, order: dict[str, Any], outcome: dict[str, Any]) -> bytes:
        """A first signature with the new shares by t participants, verified."""
        desk, name, public = self._desk, order["name"], bytes.fromhex(outcome["public_key"])
        message = possession_digest(desk.state.workspace, name, outcome["transcript"])
        key = ThresholdKey(
            name, order["scheme"], order["tier"], public, None, tuple(order["participants"]),
            order["threshold"], order["epoch"], outcome["transcript"],
        )  # fmt: skip
        self.show(name, "possession", 0, 1)
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
        if run is None or not run.open or node not in run.order["participants"]:
            return
        envelope = Envelope.from_doc(found["envelope"])
        statement = stopping(self._desk.state, envelope, "key.transcript")
        outcome = {name: found[name] for name in OUTCOME}
        subject = {"key": found["name"], "epoch": run.order["epoch"], **outcome}
        if statement.person != node or statement.subject != subject:
            raise Refused("key.transcript_differs", f"{node} reports another transcript than it signed")
        run.transcripts[node] = (envelope, outcome)
        done, total = len(run.transcripts), len(run.order["participants"])
        self.show(found["name"], self._progress[found["name"]].stage, done, total)
        if done == total:
            run.complete.set_result(None)

    def take_refusal(self, node: str, ref: str, error: Refused) -> None:
        """A participant refuses: the run is over."""
        for name, run in self._runs.items():
            if run.open and node in run.order["participants"] and ref in (name, "", digest(run.order)):
                run.complete.set_exception(Refused(error.code, f"{node}: {error.message}"))

    def lost(self, node: str) -> None:
        """A participant's connection ended: the run is over."""
        for run in self._runs.values():
            if run.open and node in run.order["participants"]:
                run.complete.set_exception(Unreachable("node.unreachable", f"{node} has gone"))
