"""Disks that outlive their processes: they may lose power at any commit, and be put back from a copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any


class Crash(BaseException):
    """The process is gone at this very point; nothing may catch it."""


class Connection:
    """A node's SQLite connection; an armed one crashes at the commit chosen, before or after it took effect."""

    def __init__(self, image: bytes) -> None:
        self._sql = sqlite3.connect(":memory:")
        self._sql.deserialize(image)
        self._left, self._after = 0, False

    def arm(self, commits: int, *, after: bool) -> None:
        """Crash at the n-th commit from now; 0 disarms."""
        self._left, self._after = commits, after

    def image(self) -> bytes:
        """What is durable, as a copy of the disk would have it."""
        return self._sql.serialize()

    def power_off(self) -> None:
        """What was not committed is lost."""
        self._sql.rollback()
        self._left = 0

    @property
    def in_transaction(self) -> bool:
        return self._sql.in_transaction

    def execute(self, *parts: Any) -> sqlite3.Cursor:
        return self._sql.execute(*parts)

    def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
        return self._sql.executemany(sql, rows)

    def executescript(self, script: str) -> sqlite3.Cursor:
        return self._sql.executescript(script)

    def commit(self) -> None:
        if self._left and self._sql.in_transaction:
            self._left -= 1
            if not self._left:
                if self._after:
                    self._sql.commit()
                raise Crash
        self._sql.commit()
