"""The log on disk: entries with their tree nodes in one fenced transaction, and quorum-cosigned notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from strongroom.errors import Refused
from strongroom.log.entry import Entry
from strongroom.log.proofs import Tree
from strongroom.log.tree import CompactRange
from strongroom.store.database import Database
from strongroom.store.journal import Done, Journal, Write
from strongroom.store.lease import Lease, require
from strongroom.store.tables import ENTRIES, NODES, NOTES, PIECES, SNAPSHOT

_INSERT_ENTRY = insert(ENTRIES)
_INSERT_NODE = insert(NODES)
_NODE = select(NODES.c.hash).where(NODES.c.level == bindparam("l"), NODES.c.idx == bindparam("i"))
_SIZE = select(func.coalesce(func.max(ENTRIES.c.idx) + 1, 0))
_READ = (
    select(ENTRIES.c.raw).where(ENTRIES.c.idx >= bindparam("start")).order_by(ENTRIES.c.idx).limit(bindparam("most"))
)


class Rows:
    """Entries on their way into one transaction."""

    __slots__ = ("done", "entries", "nodes")

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.nodes: list[dict[str, Any]] = []
        self.done: Done | None = None

    def finished(self) -> None:
        """Call back for the last entry, which stands for all before it."""
        if self.done is not None:
            self.done()

    def add(self, tree: CompactRange, entry: Entry) -> CompactRange:
        """Collect one entry with the subtrees that it completes; the tree with it."""

        def put(level: int, index: int, node: bytes) -> None:
            self.nodes.append({"level": level, "idx": index, "hash": node})

        self.entries.append({"idx": tree.size, "raw": entry.raw, "leaf": entry.leaf, "kind": entry.kind})
        return tree.append(entry.leaf, put)

    def __call__(self, connection: Connection) -> None:
        connection.execute(_INSERT_ENTRY, self.entries)
        connection.execute(_INSERT_NODE, self.nodes)


def append(database: Database, lease: Lease, tree: CompactRange, entries: Sequence[Entry]) -> CompactRange:
    """Store entries behind `tree` in a transaction of their own; the tree with them. Raises lease.lost."""
    rows = Rows()
    for entry in entries:
        tree = rows.add(tree, entry)
    if rows.entries:
        with database.transaction() as connection:
            require(connection, lease)
            rows(connection)
    return tree


def cut(size: int) -> Write:
    """The write that takes every entry from index `size` on off the log, with its tree nodes."""

    def write(connection: Connection) -> None:
        connection.execute(delete(ENTRIES).where(ENTRIES.c.idx >= size))
        for level in range(63):
            connection.execute(delete(NODES).where(NODES.c.level == level, NODES.c.idx >= size >> level))

    return write


class LogStore:
    """Reads the log, and writes it through the journal: entries 0, 1, 2 …, cut only above what is cosigned."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database, self._journal = database, journal
        self._rows: Rows | None = None
        self._generation = -1

    def append(self, tree: CompactRange, entry: Entry, done: Done, *, lazy: bool = False) -> CompactRange:
        """Store an entry behind `tree`, with others that come in time; `done` once the last is durable."""
        if self._rows is None or self._generation != self._journal.generation:
            self._rows, self._generation = Rows(), self._journal.generation
            self._journal.write(self._rows, self._rows.finished, lazy=lazy)
        elif not lazy:
            self._journal.hurry()
        self._rows.done = done
        return self._rows.add(tree, entry)

    def truncate(self, size: int) -> None:
        """Cut the log down to `size` entries, in order with the appends."""
        self._rows = None
        self._journal.write(cut(size))

    def stored_size(self) -> int:
        """The number of entries that are durable."""
        with self._database.reading() as connection:
            return int(connection.execute(_SIZE).scalar_one())

    def read(self, start: int, limit: int) -> list[bytes]:
        """The durable raw entries from index `start` on, at most `limit`."""
        with self._database.reading() as connection:
            return [bytes(row[0]) for row in connection.execute(_READ, {"start": start, "most": limit})]

    def walk(self, start: int = 0, chunk: int = 1000) -> Iterator[bytes]:
        """All durable raw entries from `start` on."""
        while rows := self.read(start, chunk):
            yield from rows
            start += len(rows)

    def root(self, size: int) -> bytes:
        """The Merkle root at a size whose entries are durable."""
        return Tree(self, size).root()

    def get(self, level: int, index: int) -> bytes:
        """A stored tree node (NodeStore)."""
        with self._database.reading() as connection:
            found = connection.execute(_NODE, {"l": level, "i": index}).scalar()
        if found is None:
            raise Refused("log.gap", "the log does not reach that far")
        return bytes(found)

    def put(self, level: int, index: int, node: bytes) -> None:
        """Nodes are stored with their entries only (NodeStore); raises Refused."""
        raise Refused("log.read_only", "tree nodes are written with their entries")

    def newest(self) -> tuple[int, str] | None:
        """Size and digest of the snapshot, None when there is none."""
        with self._database.reading() as connection:
            row = connection.execute(select(SNAPSHOT.c.size, SNAPSHOT.c.digest)).first()
        return None if row is None else (int(row[0]), str(row[1]))

    def piece(self, name: str) -> bytes:
        """A piece of the snapshot; raises Refused snapshot.digest when it is not there."""
        with self._database.reading() as connection:
            found = connection.execute(select(PIECES.c.bytes).where(PIECES.c.name == name)).scalar()
        if found is None:
            raise Refused("snapshot.digest", f"piece {name[:12]} of the snapshot is not there")
        return bytes(found)

    def keep(self, size: int, digest: str, pieces: Mapping[str, bytes]) -> None:
        """Make this the snapshot; lazily, for the log tells it again."""

        def write(connection: Connection) -> None:
            held = set(connection.execute(select(PIECES.c.name)).scalars())
            for name in held - pieces.keys():
                connection.execute(delete(PIECES).where(PIECES.c.name == name))
            if fresh := [{"name": name, "bytes": pieces[name]} for name in sorted(pieces.keys() - held)]:
                connection.execute(insert(PIECES), fresh)
            connection.execute(delete(SNAPSHOT))
            connection.execute(insert(SNAPSHOT).values(size=size, digest=digest))

        self._journal.write(write, lazy=True)

    def put_note(self, size: int, note: str) -> None:
        """Keep a quorum-cosigned note; a newer one of the same size takes its place.

        Lazily: a note that is lost is signed again, the entries below it are durable already.
        """

        def write(connection: Connection) -> None:
            connection.execute(delete(NOTES).where(NOTES.c.size == size))
            connection.execute(insert(NOTES).values(size=size, note=note))

        self._journal.write(write, lazy=True)

    def newest_note(self) -> tuple[int, str] | None:
        """Size and text of the newest note, or None."""
        return self.note_within(0, 2**62)

    def note_within(self, above: int, most: int) -> tuple[int, str] | None:
        """The largest note with above < size <= most, else the next larger one; None if there is no such."""
        query = select(NOTES.c.size, NOTES.c.note).where(NOTES.c.size > above).limit(1)
        within = query.where(NOTES.c.size <= most).order_by(NOTES.c.size.desc())
        with self._database.reading() as connection:
            row = connection.execute(within).first() or connection.execute(query.order_by(NOTES.c.size)).first()
        return None if row is None else (int(row[0]), str(row[1]))
