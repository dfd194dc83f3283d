"""The notice board: occasions become parcels in the outbox, and each receiver gets its own in order, at least once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Final

from strongroom.coordinator.desk import Desk
from strongroom.coordinator.notices.carriers import Carrier, Post
from strongroom.coordinator.notices.notice import Notice
from strongroom.coordinator.notices.occasions import AT_ONCE, KINDS, of_collected, of_entry, of_refusal
from strongroom.coordinator.notices.receivers import Receiver
from strongroom.documents.credentials import Credential
from strongroom.errors import StrongroomError, Unreachable
from strongroom.log.entry import Entry, parse_entry
from strongroom.store.outbox import Outbox, Parcel

FIRST_PAUSE: Final = 5.0  # seconds
LONGEST_PAUSE: Final = 3600.0
GIVEN_UP_MS: Final = 3 * 86_400_000
KEPT_MS: Final = 30 * 86_400_000
PAGE: Final = 500
STRIDE: Final = 1000
"""After so many entries without a notice the place in the log is written down anyway."""


class Board:
    """Follows the log from where it stood; without receivers it does nothing."""

    def __init__(self, desk: Desk, outbox: Outbox, post: Post, clock: Callable[[], int]) -> None:
        self._desk, self._outbox, self._post, self._clock = desk, outbox, post, clock
        self._since: dict[str, int] = {}
        self._noted = 0
        self._pending: list[tuple[int, Entry]] = []
        self._wake = {receiver.name: asyncio.Event() for receiver in post.carriers}
        self._failing: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        if post.carriers:
            desk.sequencer.on_entry.append(self._on_entry)
            desk.sequencer.on_cosigned.append(self._on_cosigned)
            desk.sequencer.on_cut.append(self._on_cut)
            desk.records.on_collected.append(lambda row: self._put(of_collected(self._desk.state, row)))
            desk.timeline.on_refusal.append(lambda no: self._put(of_refusal(self._desk.state, no)))

    @property
    def key(self) -> Credential | None:
        """What webhooks are signed with; None without webhooks."""
        return self._post.key

    def start(self) -> None:
        """Tell what was not told before the end; a new receiver hears of what comes from now on."""
        if not self._post.carriers:
            return
        size, held = self._desk.state.size, self._outbox.positions()
        self._since = {name: min(held.get(name, size), size) for name in self._wake}
        self._noted = min(self._since.values())
        self._outbox.begin(self._since, self._clock() - KEPT_MS)
        for start in range(self._noted, self._desk.state.size, PAGE):
            page = self._desk.sequencer.history.raw(start, min(start + PAGE, self._desk.state.size))
            for index, entry in enumerate(map(parse_entry, page), start):
                self._on_entry(index, entry)
        self._on_cosigned()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._serve(*each)) for each in self._post.carriers.items()]

    async def stop(self) -> None:
        """End all deliveries; what was not confirmed is sent again after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for carrier in self._post.carriers.values():
            await carrier.close()

    def findings(self) -> list[str]:
        """Which receivers get nothing now, for `strongroom status`."""
        return [
            f"notices for '{name}' do not arrive ({why}); {self._outbox.waiting(name)} wait"
            for name, why in sorted(self._failing.items())
        ]

    # --- occasions ---------------------------------------------------------------------------------------

    def _on_entry(self, index: int, entry: Entry) -> None:
        if entry.kind in AT_ONCE:
            self._put(of_entry(self._desk.state, entry), index=index)
        elif entry.kind in KINDS:
            self._pending.append((index, entry))

    def _on_cosigned(self) -> None:
        """What a quorum has cosigned is final: its notices and the place in the log become durable together."""
        state = self._desk.cosigned
        due = [each for each in self._pending if each[0] < state.size]
        if not due and state.size - self._noted < STRIDE:
            return
        self._pending = self._pending[len(due) :]
        parcels = [p for index, entry in due for p in self._parcels(of_entry(state, entry), index)]
        self._noted = state.size
        self._outbox.put(parcels, state.size, lambda: self._told(parcels), lazy=True)

    def _on_cut(self) -> None:
        size = self._desk.state.size
        self._pending = [each for each in self._pending if each[0] < size]

    def _put(self, notices: Iterable[Notice], *, index: int | None = None) -> None:
        parcels = self._parcels(notices, index)
        if parcels:
            self._outbox.put(parcels, None, lambda: self._told(parcels))

    def _parcels(self, notices: Iterable[Notice], index: int | None) -> list[Parcel]:
        try:
            found = list(notices)
        except Exception as error:  # transfers go on whether or not they can be told of
            self._desk.say(f"a notice could not be made: {type(error).__name__}")
            found = []
        return [
            Parcel(receiver.name, notice.id, notice.time, json.dumps(notice.to_doc(), ensure_ascii=False))
            for notice in found
            for receiver in self._post.carriers
            if notice.event in receiver.events
            and (receiver.person is None or notice.people is None or receiver.person in notice.people)
            and (index is None or index >= self._since.get(receiver.name, 0))
        ]

    # --- deliveries --------------------------------------------------------------------------------------

    def _told(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            self._wake[parcel.receiver].set()

    async def _serve(self, receiver: Receiver, carrier: Carrier) -> None:
        """One after the other: the next only once the one before was delivered, or given up."""
        wake, pause = self._wake[receiver.name], FIRST_PAUSE
        while True:
            wake.clear()
            parcel = self._outbox.first(receiver.name)
            if parcel is None:
                await wake.wait()
                continue
            try:
                await self._deliver(receiver, carrier, parcel)
            except Exception as error:
                self._failed(receiver.name, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE

    async def _deliver(self, receiver: Receiver, carrier: Carrier, parcel: Parcel) -> None:
        try:
            await carrier.deliver(parcel)
        except Unreachable as error:
            if self._clock() - parcel.time <= GIVEN_UP_MS:
                raise
            self._desk.say(f"notices for '{receiver.name}': {parcel.notice} is given up ({error.code})")
        else:
            self._failing.pop(receiver.name, None)
        await self._outbox.delivered(parcel, self._clock())

    def _failed(self, name: str, error: Exception) -> None:
        """Said once for each way of failing; the address is never part of it."""
        why = error.code if isinstance(error, StrongroomError) else type(error).__name__
        if self._failing.get(name) != why:
            self._failing[name] = why
            self._desk.say(f"notices for '{name}' are tried again: {why}")
