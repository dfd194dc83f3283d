"""What an audit objects to: the place in the bundle, a stable code, and one line in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from strongroom.errors import Refused, StrongroomError


def show_time(time: int) -> str:
    """Unix milliseconds as UTC, or the number itself where no calendar date fits it."""
    try:
        return datetime.fromtimestamp(time // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"time {time}"


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the bundle: `header`, `entry`, `checkpoint`, `evidence` or `end`.

    A line has its index; an entry its kind and time (unix ms), unless it cannot be read.
    """

    part: str
    index: int | None = None
    kind: str = ""
    time: int | None = None

    def __str__(self) -> str:
        if self.index is None:
            return self.part
        known = [self.kind] if self.kind else []
        known += [show_time(self.time)] if self.time is not None else []
        told = f" ({', '.join(known)})" if known else " (unreadable)" * (self.part == "entry")
        return f"{self.part} {self.index}{told}"


class AuditFailed(Refused):
    """The bundle does not hold: the first objection, or the worst of several, with its place."""

    def __init__(self, place: Place, code: str, reason: str, others: tuple[AuditFailed, ...] = ()) -> None:
        super().__init__(code, f"{place}: {reason}")
        self.place = place
        self.reason = reason
        self.others = others

    def to_doc(self) -> dict[str, Any]:
        """The finding as JSON."""
        place = self.place
        return {
            "ok": False,
            "part": place.part,
            "entry": place.index,
            "kind": place.kind,
            "time": place.time,
            "code": self.code,
            "message": self.message,
            "others": [other.to_doc() for other in self.others],
        }

    @classmethod
    def at(cls, place: Place, error: StrongroomError) -> AuditFailed:
        """The same refusal, told with its place."""
        return cls(place, error.code, error.message)
