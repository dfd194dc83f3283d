"""What a node must not forget: its log and its durable facts, in one SQLite file with full synchronisation."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from strongroom.documents.canonical import encode, parse
from strongroom.errors import Refused

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (position INTEGER PRIMARY KEY, raw BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS fact (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL,
  value BLOB NOT NULL, UNIQUE (kind, name)) STRICT;
CREATE TABLE IF NOT EXISTS piece (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
"""
_MAX_FACT: Final = 1 << 20
_EMPTY_WAL: Final = "PRAGMA wal_checkpoint(TRUNCATE)"


class Disk:
    """Durable storage: changes are visible at once, and durable together at the next commit, or never.

    Facts are documents by kind and name. A fact that a crash may undo is put `later`, at the next commit.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._later: dict[tuple[str, str], dict[str, Any]] = {}
        self._broken = self._erasing = False
        connection.executescript(_SCHEMA)

    def entries(self, start: int = 0, stop: int = 1 << 62) -> list[bytes]:
        """The raw entries from `start` up to `stop`, as many as there are."""
        rows = self._sql.execute(
            "SELECT raw FROM entry WHERE position >= ? AND position < ? ORDER BY position", (start, stop)
        )
        return [raw for (raw,) in rows]

    def write_entries(self, start: int, raws: Sequence[bytes]) -> None:
        """Make these the entries from `start` on; what stood there is gone."""
        self._sql.execute("DELETE FROM entry WHERE position >= ?", (start,))
        self._sql.executemany("INSERT INTO entry (position, raw) VALUES (?, ?)", enumerate(raws, start))

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Every fact of a kind by name, in the order of their making."""
        rows = self._sql.execute("SELECT name, value FROM fact WHERE kind = ? ORDER BY number", (kind,))
        return {name: parse(value, max_bytes=_MAX_FACT) for name, value in rows}

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """One fact."""
        row = self._sql.execute("SELECT value FROM fact WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        return None if row is None else parse(row[0], max_bytes=_MAX_FACT)

    def put(self, kind: str, name: str, value: dict[str, Any]) -> None:
        """Set a fact."""
        self._sql.execute(
            "INSERT INTO fact (kind, name, value) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value",
            (kind, name, encode(value)),
        )

    def later(self, kind: str, name: str, value: dict[str, Any]) -> None:
        """Set a fact at the next commit; until then it is neither visible nor durable."""
        self._later[kind, name] = value

    def drop(self, kind: str, name: str) -> None:
        """Remove a fact, if it is there."""
        self._sql.execute("DELETE FROM fact WHERE kind = ? AND name = ?", (kind, name))

    def erase(self, kind: str, name: str) -> None:
        """Remove a fact and, once that is durable, what the files still hold of it."""
        self.drop(kind, name)
        self._erasing = True

    def piece(self, name: str) -> bytes:
        """A piece of the snapshot; raises Refused snapshot.digest when it is not there."""
        row = self._sql.execute("SELECT bytes FROM piece WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise Refused("snapshot.digest", f"piece {name[:12]} of the snapshot is not there")
        return bytes(row[0])

    def newest(self) -> tuple[int, str] | None:
        """Size and digest of the snapshot."""
        found = self.get("snapshot", "newest")
        return None if found is None else (found["size"], found["digest"])

    def keep(self, size: int, digest: str, pieces: Mapping[str, bytes]) -> None:
        """Make this the snapshot: a piece of a name is never another one, and is not written again."""
        held = {name for (name,) in self._sql.execute("SELECT name FROM piece")}
        self._sql.executemany("DELETE FROM piece WHERE name = ?", ((name,) for name in held - pieces.keys()))
        fresh = ((name, pieces[name]) for name in pieces.keys() - held)
        self._sql.executemany("INSERT INTO piece (name, bytes) VALUES (?, ?)", fresh)
        self.put("snapshot", "newest", {"size": size, "digest": digest})

    def commit(self, *, idle: bool = False) -> None:
        """Make every change durable; what waits for `later` alone only when idle."""
        if self._broken:
            raise sqlite3.OperationalError("a commit has failed: what was to leave after it must not")
        self._broken = True
        if self._later and (idle or self._sql.in_transaction):
            for (kind, name), value in self._later.items():
                self.put(kind, name, value)
            self._later.clear()
        self._sql.commit()
        if self._erasing:
            self._sql.execute(_EMPTY_WAL)
            self._erasing = False
        self._broken = False


def open_disk(home: Path) -> Disk:
    """The disk of a home directory, locked until the process ends; raises Refused home.locked."""
    lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the descriptor stays open: it is the lock
    except OSError:
        raise Refused("home.locked", f"another process runs on {home}") from None
    os.close(os.open(home / "node.db", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(home / "node.db")
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(_EMPTY_WAL)  # a crash may have left something that was erased
    return Disk(connection)
