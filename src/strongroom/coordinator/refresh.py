"""Refresh of keys: by itself when a pair's budget of possible probes runs low, or when an administrator asks."""

from __future__ import annotations

import asyncio
from typing import Final

from strongroom.coordinator.answers import Submission
from strongroom.coordinator.ceremony import Ceremony
from strongroom.coordinator.desk import Desk
from strongroom.custody.authority import granting, in_force
from strongroom.custody.keys import refreshable
from strongroom.custody.state import ThresholdKey
from strongroom.documents.canonical import fields
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement
from strongroom.errors import Denied, StrongroomError

KIND: Final = "key.refresh"
WORN: Final = 4
"""Possible probes of one pair, of 16, from which a refresh begins by itself."""

FIRST_PAUSE_MS: Final = 10_000
LONGEST_PAUSE_MS: Final = 600_000


class RefreshDriver:
    """One refresh at a time for each key; one that fails is tried again after a growing pause while it is needed."""

    def __init__(self, desk: Desk, ceremony: Ceremony) -> None:
        self._desk, self._ceremony = desk, ceremony
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pauses: dict[str, tuple[int, int]] = {}
        """By key: until when (ms) nothing begins by itself, and how long that pause was."""

    async def stop(self) -> None:
        """End all refreshes; what is needed begins anew later."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def tick(self) -> None:
        """Begin what is needed."""
        for key in self._desk.cosigned.keys.values():
            paused, _ = self._pauses.get(key.name, (0, 0))
            if key.name not in self._tasks and self._desk.clock() >= paused and self._needed(key):
                self._begin(key)

    async def order(self, envelope: Envelope, statement: Statement) -> Submission:
        """An administrator asks for the next epoch; the statement is for the coordinator, not for the log."""
        desk, subject = self._desk, fields(statement.subject, KIND, {"key": str, "epoch": int})
        granting(desk.state, envelope, KIND, desk.sequencer.next_time())
        if statement.person not in in_force(desk.state).administrators.members:
            raise Denied("authority.threshold", "an administrator asks for a refresh")
        key = refreshable(desk.state, subject["key"], subject["epoch"])
        if key.name not in self._tasks:
            self._begin(key)
        return Submission(KIND, "collected", None, None, "the signers are refreshing the key")

    def _needed(self, key: ThresholdKey) -> bool:
        """Whether a pair is worn, everybody who has to take part is there, and the log would take it."""
        if self._desk.probes(key) < WORN or len(self._desk.available(key)) < len(key.participants):
            return False
        try:
            return refreshable(self._desk.state, key.name, key.epoch + 1) is not None
        except StrongroomError:
            return False

    def _begin(self, key: ThresholdKey) -> None:
        self._ceremony.show(key.name, "refreshing", 0, len(key.participants))
        task = self._tasks[key.name] = asyncio.get_running_loop().create_task(self._drive(key))
        task.add_done_callback(lambda _: self._tasks.pop(key.name, None))

    async def _drive(self, key: ThresholdKey) -> None:
        desk, total = self._desk, len(key.participants)
        try:
            await self._refresh(key)
        except StrongroomError as error:
            desk.say(f"refresh of key {key.name}: {error}")
            pause = min(2 * self._pauses.get(key.name, (0, FIRST_PAUSE_MS // 2))[1], LONGEST_PAUSE_MS)
            self._pauses[key.name] = (desk.clock() + pause, pause)
            self._ceremony.show(key.name, "failed", 0, total, f"{error.code}: {error.message}")
        else:
            # The signers' next reports say that nothing is worn any more.
            self._pauses[key.name] = (desk.clock() + FIRST_PAUSE_MS, FIRST_PAUSE_MS // 2)
            self._ceremony.show(key.name, "logged", total, total)

    async def _refresh(self, key: ThresholdKey) -> None:
        desk, epoch = self._desk, key.epoch + 1
        order = {
            "name": key.name,
            "scheme": key.scheme,
            "tier": key.tier,
            "participants": list(key.participants),
            "threshold": key.threshold,
            "epoch": epoch,
        }
        head = {"key": key.name, "epoch": epoch, "nonce": desk.sessions.nonce()}
        outcome, transcripts = await self._ceremony.run("refresh", order, head)
        body = {"key": key.name, "epoch": epoch, **outcome}
        await desk.sequencer.durable(desk.sequencer.submit("key.refreshed", body, transcripts))
