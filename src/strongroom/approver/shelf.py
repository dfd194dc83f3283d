"""What an approver's machine must not forget: the entries that it has verified, their head, and a snapshot."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from strongroom.errors import Refused

FILE: Final = "approver.db"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (position INTEGER PRIMARY KEY, raw BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS piece (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
"""
_PATIENCE: Final = 10.0  # s to wait for another process of the same person


class Shelf:
    """One SQLite file with full synchronisation; what is written within `writing` is durable as a whole or not at all.

    Two processes may share it: a page that is open, and a command.
    """

    def __init__(self, home: Path) -> None:
        os.close(os.open(home / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._sql = sqlite3.connect(
            home / FILE, isolation_level=None, timeout=_PATIENCE, check_same_thread=False
        )  # one thread at a time
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._sql.execute(f"PRAGMA {pragma}")
        self._sql.executescript(_SCHEMA)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All changes of the block together; none when it raises. Raises Refused home.in_use."""
        try:
            self._sql.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            raise Refused("home.in_use", "another process is reading the log into this home", "wait for it") from None
        try:
            yield
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        self._sql.execute("COMMIT")

    def entries(self, start: int, count: int) -> list[bytes]:
        """So many raw entries from `start` on, or as many as there are."""
        rows = self._sql.execute("SELECT raw FROM entry WHERE position >= ? ORDER BY position LIMIT ?", (start, count))
        return [raw for (raw,) in rows]

    def append(self, start: int, raws: Sequence[bytes]) -> None:
        """Put entries behind those that are there."""
        self._sql.executemany("INSERT INTO entry (position, raw) VALUES (?, ?)", enumerate(raws, start))

    def note(self) -> str:
        """The newest verified head as a signed note; "" before the first."""
        return self._fact("note")

    def put_note(self, text: str) -> None:
        """Make this the newest verified head."""
        self._put("note", text)

    def newest(self) -> tuple[int, str] | None:
        """Size and digest of the snapshot."""
        size, _, digest = self._fact("snapshot").partition(" ")
        return (int(size), digest) if size else None

    def piece(self, name: str) -> bytes:
        """A piece of the snapshot; raises Refused snapshot.digest when it is not there."""
        row = self._sql.execute("SELECT bytes FROM piece WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise Refused("snapshot.digest", f"piece {name[:12]} of the snapshot is not there")
        return bytes(row[0])

    def keep(self, size: int, digest: str, pieces: Mapping[str, bytes]) -> None:
        """Make this the snapshot: a piece of a name is never another one, and is not written again."""
        held = {name for (name,) in self._sql.execute("SELECT name FROM piece")}
        self._sql.executemany("DELETE FROM piece WHERE name = ?", ((name,) for name in held - pieces.keys()))
        fresh = ((name, pieces[name]) for name in pieces.keys() - held)
        self._sql.executemany("INSERT INTO piece (name, bytes) VALUES (?, ?)", fresh)
        self._put("snapshot", f"{size} {digest}")

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()

    def _fact(self, name: str) -> str:
        row = self._sql.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def _put(self, name: str, value: str) -> None:
        self._sql.execute(
            "INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )
