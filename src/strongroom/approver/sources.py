"""Where the log comes from: the coordinator and mirrors of it, each asked in turn, none of them believed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from strongroom.approver.replica import Replica, Tell
from strongroom.documents.canonical import fields
from strongroom.errors import InvalidInput, StrongroomError, Unreachable

_ROW = {"index": int, "leaf": str, "raw": str}


class Source(Protocol):
    """Somebody who serves a log over HTTP as the coordinator does; raises StrongroomError."""

    @property
    def url(self) -> str: ...
    def get(self, path: str, **query: str | int) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Look:
    """What came of asking one source: a refusal of what it shows, or nothing wrong."""

    url: str
    error: StrongroomError | None = None


class Follower:
    """Asks every source in turn and takes what it can verify; `looks` are what came of it last."""

    def __init__(self, replica: Replica, sources: Sequence[Source]) -> None:
        self.replica, self._sources = replica, sources
        self.looks: tuple[Look, ...] = ()
        self._one_at_a_time = threading.Lock()

    def look(self, tell: Tell = lambda done, total: None) -> bool:
        """Ask everybody once; whether anything new was verified."""
        with self._one_at_a_time:
            found, looks = False, []
            for source in self._sources:
                try:
                    found |= self._ask(source, tell)
                    looks.append(Look(source.url))
                except StrongroomError as error:
                    looks.append(Look(source.url, error))
            self.looks = tuple(looks)
            return found

    def require_word(self) -> None:
        """Raises what the first source was refused for, when none of them could be taken at its word."""
        errors = [look.error for look in self.looks if look.error is not None]
        if errors and len(errors) == len(self.looks):
            raise next((error for error in errors if not isinstance(error, Unreachable)), errors[0])

    def _ask(self, source: Source, tell: Tell) -> bool:
        note = source.get("/v1/checkpoint").get("note")
        if not isinstance(note, str):
            raise InvalidInput("api.answer", f"{source.url} shows no checkpoint")
        return self.replica.follow(note, lambda start, count: _entries(source, start, count), tell)


def _entries(source: Source, start: int, count: int) -> list[bytes]:
    """Raises InvalidInput api.answer, document.*."""
    rows = source.get("/v1/entries", **{"from": start, "limit": count}).get("entries")
    if not isinstance(rows, list) or len(rows) > count:
        raise InvalidInput("api.answer", f"{source.url} shows no entries")
    return [fields(row, "row", _ROW)["raw"].encode(errors="replace") for row in rows]
