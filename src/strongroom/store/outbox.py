"""The outbox of notices: what each receiver is still to be told, in order, and what it has been told already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from strongroom.store.database import Database
from strongroom.store.journal import Done, Journal
from strongroom.store.tables import NOTICE_RECEIVERS, NOTICES


@dataclass(frozen=True, slots=True)
class Parcel:
    """One notice for one receiver, as JSON text; time in unix ms."""

    receiver: str
    notice: str
    time: int
    document: str


class Outbox:
    """Rows are durable with what they tell of; a row that was delivered stays a while, so that it is told once."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database, self._journal = database, journal

    def positions(self) -> dict[str, int]:
        """Up to which size of the log each receiver's notices are in the outbox."""
        query = select(NOTICE_RECEIVERS.c.name, NOTICE_RECEIVERS.c.size)
        with self._database.reading() as connection:
            return {str(name): int(size) for name, size in connection.execute(query)}

    def begin(self, positions: Mapping[str, int], before: int) -> None:
        """Keep these receivers only, and of what was delivered only what is newer than `before` (unix ms)."""

        def write(connection: Connection) -> None:
            connection.execute(delete(NOTICE_RECEIVERS))
            for name, size in positions.items():
                connection.execute(insert(NOTICE_RECEIVERS).values(name=name, size=size))
            rows = NOTICES.c
            connection.execute(delete(NOTICES).where(rows.receiver.not_in(positions) | (rows.sent < before)))

        self._journal.write(write)

    def put(self, parcels: Sequence[Parcel], size: int | None, done: Done, *, lazy: bool = False) -> None:
        """Keep parcels that are not there yet, and that all receivers' notices up to `size` are in the outbox."""

        def write(connection: Connection) -> None:
            rows = NOTICES.c
            for parcel in parcels:
                known = select(rows.id).where(rows.receiver == parcel.receiver, rows.notice == parcel.notice)
                if connection.execute(known).first() is None:
                    connection.execute(insert(NOTICES).values(**asdict(parcel)))
            if size is not None:
                behind = NOTICE_RECEIVERS.c.size < size
                connection.execute(update(NOTICE_RECEIVERS).where(behind).values(size=size))

        self._journal.write(write, done, lazy=lazy)

    def first(self, receiver: str) -> Parcel | None:
        """The oldest parcel that a receiver has not got yet."""
        rows = NOTICES.c
        query = select(rows.receiver, rows.notice, rows.time, rows.document)
        query = query.where(rows.receiver == receiver, rows.sent.is_(None)).order_by(rows.id).limit(1)
        with self._database.reading() as connection:
            found = connection.execute(query).first()
        return None if found is None else Parcel(**found._mapping)

    def waiting(self, receiver: str) -> int:
        """How many parcels a receiver has not got yet."""
        rows = NOTICES.c
        query = select(func.count()).where(rows.receiver == receiver, rows.sent.is_(None))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    async def delivered(self, parcel: Parcel, time: int) -> None:
        """Never send it again; returns once that is durable."""
        rows = NOTICES.c
        done = update(NOTICES).where(rows.receiver == parcel.receiver, rows.notice == parcel.notice).values(sent=time)

        def write(connection: Connection) -> None:
            connection.execute(done)

        await self._journal.durable(write)
