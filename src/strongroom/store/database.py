"""One database: a writer whose transactions are durable when they return, and readers beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from strongroom.store.tables import METADATA


class Database:
    """SQLite in WAL mode with synchronous=FULL, or another database by its URL; one writing connection."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        METADATA.create_all(engine)
        self._writer = engine.connect()

    @classmethod
    def open(cls, url: str) -> Database:
        """Connect and create what is missing; `url` as SQLAlchemy takes it, `sqlite:///path`."""
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _configure)
            event.listen(engine, "begin", _begin)
        return cls(engine)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Write all or nothing; durable once the block ends. Used from one thread only."""
        with self._writer.begin():
            yield self._writer

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with, from any thread."""
        with self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._writer.close()
        self.engine.dispose()


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not open transactions by itself
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
