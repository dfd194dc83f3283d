"""What happened to each transfer, in plain words, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.coordinator.ports import Clock
from strongroom.errors import StrongroomError
from strongroom.store.records import Event, Records, Refusal

MOST_TEXT = 500
MOST_TOLD = 100_000


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a transfer does not go on now; `retry` in seconds, or None when only an event can change it."""

    code: str
    text: str
    retry: float | None = None

    @classmethod
    def of(cls, error: StrongroomError, retry: float | None) -> Wait:
        """The wait that an error causes."""
        return cls(error.code, error.message, retry)


class Timeline:
    """Events and refusals, kept on disk; the present wait of each open transfer, in memory."""

    def __init__(self, records: Records, clock: Clock, changed: Callable[[], None]) -> None:
        self._records, self._clock, self._changed = records, clock, changed
        self.waits: dict[str, Wait] = {}
        self._told: set[tuple[str, ...]] = set()
        self.on_refusal: list[Callable[[Refusal], None]] = []

    def event(self, transfer: str, stage: str, text: str) -> None:
        """A step was made."""
        self._records.add_event(Event(transfer, self._clock(), stage, text[:MOST_TEXT]))
        self._changed()

    def refusal(self, transfer: str, by: str, what: str, code: str, message: str) -> None:
        """Somebody refused; the same no by the same one is kept once, however often it is tried again."""
        no = (transfer, by, what, code, message)
        if no in self._told:
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told.add(no)
        refusal = Refusal(transfer, self._clock(), by, what, code[:64], message[:MOST_TEXT])
        self._records.add_refusal(refusal)
        for listener in self.on_refusal:
            listener(refusal)
        self._changed()

    def wait(self, transfer: str, wait: Wait | None) -> None:
        """Set or clear what a transfer waits for."""
        if wait is None:
            if self.waits.pop(transfer, None) is not None:
                self._changed()
        elif self.waits.get(transfer) != wait:
            self.waits[transfer] = wait
            self._changed()
