"""Enrolments that newcomers have handed in: kept until the coordinator stops; the file that they hold counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from strongroom.documents.canonical import digest
from strongroom.errors import InvalidInput
from strongroom.passkeys.enrolment import Enrolment

MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Pending:
    """One enrolment with the time (unix ms) at which it came, and the digest of its file."""

    name: str
    time: int
    enrolment: Enrolment


class Enrolments:
    """The newest enrolments by the digest of their file; grants nothing, and forgets the oldest."""

    def __init__(self) -> None:
        self._rows: dict[str, Pending] = {}

    def put(self, enrolment: Enrolment, time: int) -> Pending:
        """Keep one; the same again changes nothing."""
        name = digest(enrolment.to_doc())
        row = self._rows.setdefault(name, Pending(name, time, enrolment))
        while len(self._rows) > MOST:
            del self._rows[next(iter(self._rows))]
        return row

    def find(self, name: str) -> Pending:
        """The one of a digest; raises InvalidInput enrolment.unknown."""
        if name not in self._rows:
            raise InvalidInput(
                "enrolment.unknown", "no such enrolment waits here", "hand in the file to an administrator"
            )
        return self._rows[name]

    def waiting(self, known: frozenset[str]) -> list[Pending]:
        """Those whose key is none of the `known` ones (key ids), newest first."""
        return [row for row in reversed(self._rows.values()) if row.enrolment.credential.key_id not in known]
