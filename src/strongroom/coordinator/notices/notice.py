"""One notice: what has happened, whom it concerns, and one line that says it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Event(StrEnum):
    """What notices are about."""

    WAITS_FOR_YOU = "waits_for_you"
    APPROVED = "approved"
    REFUSED = "refused"
    COMPLETED = "completed"
    FAILED = "failed"
    FROZEN = "frozen"
    UNFROZEN = "unfrozen"


@dataclass(frozen=True, slots=True)
class Notice:
    """`about` names the occasion: one notice each; `people` whom it concerns, None for everybody; time in unix ms."""

    event: Event
    about: tuple[str, ...]
    time: int
    text: str
    people: frozenset[str] | None
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The same for the same occasion, however often it is told: what receivers count by."""
        return "msg_" + hashlib.sha256("\0".join((self.event, *self.about)).encode()).hexdigest()[:40]

    def to_doc(self) -> dict[str, Any]:
        """`{type, timestamp, data}` of a Standard Webhook."""
        moment = datetime.fromtimestamp(self.time / 1000, UTC).isoformat(timespec="milliseconds")
        people = None if self.people is None else sorted(self.people)
        data = {**self.data, "people": people, "text": self.text}
        return {"type": self.event.value, "timestamp": moment.replace("+00:00", "Z"), "data": data}
