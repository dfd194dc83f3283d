"""What surrounds the log: statements collected towards a threshold, signatures, broadcasts, the timeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, delete, insert, select, update

from strongroom.store.database import Database
from strongroom.store.journal import Journal, Write
from strongroom.store.tables import BROADCASTS, COLLECTED, ENDED, EVENTS, REFUSALS, SIGNATURES

Row = TypeVar("Row", "Collected", "Signed", "Broadcast", "Event", "Refusal", "Ended")


@dataclass(frozen=True, slots=True)
class Collected:
    """One person's statement that waits for others; envelope and attachment as JSON text ("" for none)."""

    kind: str
    subject: str
    person: str
    time: int
    envelope: str
    attachment: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A finished signature over an authorized payload, and the transaction that it makes."""

    digest: str
    transfer: str
    signature: bytes
    raw: bytes
    txid: str
    time: int


@dataclass(frozen=True, slots=True)
class Broadcast:
    """When a transaction was first and last handed to a chain node."""

    txid: str
    transfer: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a transfer's timeline."""

    transfer: str
    time: int
    stage: str
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Somebody's no: who, to what, with which stable code."""

    transfer: str
    time: int
    by: str
    what: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A transfer that the state has let go of, as JSON text."""

    transfer: str
    document: str


class Records:
    """Rows in memory as soon as they are written, on disk through the journal."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database, self._journal = database, journal
        self._fresh: dict[tuple[Table, str], list[Any]] = {}
        self._by_transfer: dict[str, dict[str, Signed]] = {}
        self.signed: dict[str, Signed] = {}
        self.broadcasts: dict[str, Broadcast] = {}
        self.on_collected: list[Callable[[Collected], None]] = []
        """What they write becomes durable together with the row."""

    def load_transfer(self, transfer: str) -> None:
        """Read what is known of a transfer's signatures and broadcasts into memory."""
        with self._database.reading() as connection:
            for row in _rows(connection, SIGNATURES, Signed, transfer):
                self._keep(row)
            for sent in _rows(connection, BROADCASTS, Broadcast, transfer):
                self.broadcasts[sent.txid] = sent

    def forget_transfer(self, transfer: str) -> None:
        """Drop an ended transfer from memory; the disk keeps it."""
        for signed in self._by_transfer.pop(transfer, {}).values():
            self.signed.pop(signed.digest, None)
            self.broadcasts.pop(signed.txid, None)

    def signatures_of(self, transfer: str) -> list[Signed]:
        """All finished signatures of a transfer, oldest first."""
        rows = self._by_transfer.get(transfer)
        if rows is None:
            with self._database.reading() as connection:
                rows = {row.digest: row for row in _rows(connection, SIGNATURES, Signed, transfer)}
        return sorted(rows.values(), key=lambda row: row.time)

    def _keep(self, row: Signed) -> None:
        self.signed[row.digest] = row
        self._by_transfer.setdefault(row.transfer, {})[row.digest] = row

    async def put_signed(self, signed: Signed) -> None:
        """Returns once the signature is durable: only then may it be broadcast."""
        await self._journal.durable(_replace(SIGNATURES, "digest", asdict(signed)))
        self._keep(signed)

    def put_broadcast(self, broadcast: Broadcast) -> None:
        """Note that a transaction was handed to a node; lazily, for sending it again does no harm."""
        self.broadcasts[broadcast.txid] = broadcast
        self._journal.write(_replace(BROADCASTS, "txid", asdict(broadcast)), lazy=True)

    async def put_collected(self, row: Collected) -> None:
        """Keep a person's newest statement about a subject; returns once it is durable."""

        def write(connection: Connection) -> None:
            c = COLLECTED.c
            connection.execute(
                delete(COLLECTED).where(c.kind == row.kind, c.subject == row.subject, c.person == row.person)
            )
            connection.execute(insert(COLLECTED).values(**asdict(row)))

        for listener in self.on_collected:
            listener(row)
        await self._journal.durable(write)

    def put_ended(self, rows: Sequence[Ended]) -> None:
        """Keep ended transfers; lazily, for the log tells them again."""

        def write(connection: Connection) -> None:
            for row in rows:
                _replace(ENDED, "transfer", asdict(row))(connection)

        if rows:
            self._journal.write(write, lazy=True)

    def ended(self, transfer: str) -> Ended | None:
        """An ended transfer, if the log has let one of this id go."""
        with self._database.reading() as connection:
            return next(iter(_rows(connection, ENDED, Ended, transfer)), None)

    def collected(self, kind: str | None = None, subject: str | None = None) -> list[Collected]:
        """The statements collected, of one kind and subject or all, oldest first."""
        query = select(COLLECTED).order_by(COLLECTED.c.time)
        if kind is not None:
            query = query.where(COLLECTED.c.kind == kind)
        if subject is not None:
            query = query.where(COLLECTED.c.subject == subject)
        with self._database.reading() as connection:
            return [Collected(**row._mapping) for row in connection.execute(query)]

    def drop_collected(self, kind: str, subject: str, person: str | None = None) -> None:
        """Forget what was collected: it is logged, or it can no longer count."""
        where = (COLLECTED.c.kind == kind) & (COLLECTED.c.subject == subject)
        if person is not None:
            where &= COLLECTED.c.person == person
        self._journal.write(lambda connection: _run(connection, delete(COLLECTED).where(where)), lazy=True)

    def add_event(self, event: Event) -> None:
        """A line on a transfer's timeline."""
        self._add(EVENTS, event)

    def add_refusal(self, refusal: Refusal) -> None:
        """A no on a transfer's timeline."""
        self._add(REFUSALS, refusal)

    def events(self, transfer: str) -> list[Event]:
        """A transfer's timeline, oldest first."""
        return self._all(EVENTS, Event, transfer)

    def refusals(self, transfer: str) -> list[Refusal]:
        """All that was refused about a transfer, oldest first."""
        return self._all(REFUSALS, Refusal, transfer)

    def _add(self, table: Table, row: Event | Refusal) -> None:
        fresh = self._fresh.setdefault((table, row.transfer), [])
        fresh.append(row)

        def done() -> None:
            fresh.remove(row)
            if not fresh:
                self._fresh.pop((table, row.transfer), None)

        values = asdict(row)
        self._journal.write(lambda connection: _run(connection, insert(table), values), done, lazy=True)

    def _all(self, table: Table, row: type[Row], transfer: str) -> list[Row]:
        with self._database.reading() as connection:
            found = _rows(connection, table, row, transfer)
        fresh = self._fresh.get((table, transfer), ())
        # A row may be committed while its callback is still on its way: count it once.
        return found + [item for item in fresh if item not in found[-len(fresh) :]]


def _run(connection: Connection, statement: Any, values: dict[str, Any] | None = None) -> None:
    connection.execute(statement, values) if values else connection.execute(statement)


def _replace(table: Table, key: str, values: dict[str, Any]) -> Write:
    def write(connection: Connection) -> None:
        where = table.c[key] == values[key]
        if not connection.execute(update(table).where(where).values(**values)).rowcount:
            connection.execute(insert(table).values(**values))

    return write


def _rows(connection: Connection, table: Table, row: Callable[..., Row], transfer: str) -> list[Row]:
    query = select(table).where(table.c.transfer == transfer)
    if "id" in table.c:
        query = query.order_by(table.c.id)
    return [
        row(**{name: value for name, value in found._mapping.items() if name != "id"})
        for found in connection.execute(query)
    ]
