"""The tables, in SQL that SQLite and PostgreSQL both speak; times are unix milliseconds, hashes raw bytes or hex."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

METADATA: Final = MetaData()

# SQLite numbers rows by itself only under this exact type.
_SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")

ENTRIES: Final = Table(
    "entries",
    METADATA,
    Column("idx", _SERIAL, primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
    Column("kind", String(64), nullable=False),
)

NODES: Final = Table(
    "tree_nodes",
    METADATA,
    Column("level", Integer, nullable=False),
    Column("idx", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    PrimaryKeyConstraint("level", "idx"),
    sqlite_with_rowid=False,
)

NOTES: Final = Table(
    "notes",
    METADATA,
    Column("size", _SERIAL, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)

COLLECTED: Final = Table(
    "collected",
    METADATA,
    Column("kind", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("person", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("envelope", Text, nullable=False),
    Column("attachment", Text, nullable=False),
    PrimaryKeyConstraint("kind", "subject", "person"),
)

SIGNATURES: Final = Table(
    "signatures",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("transfer", String(64), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("txid", String(80), nullable=False),
    Column("time", BigInteger, nullable=False),
    Index("signatures_transfer", "transfer"),
)

BROADCASTS: Final = Table(
    "broadcasts",
    METADATA,
    Column("txid", String(80), primary_key=True),
    Column("transfer", String(64), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("id", _SERIAL, primary_key=True),
    Column("transfer", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("stage", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Index("events_transfer", "transfer"),
)

REFUSALS: Final = Table(
    "refusals",
    METADATA,
    Column("id", _SERIAL, primary_key=True),
    Column("transfer", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("what", String(32), nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Index("refusals_transfer", "transfer"),
)

SNAPSHOT: Final = Table(
    "snapshot",
    METADATA,
    Column("size", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

PIECES: Final = Table(
    "pieces",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
)

ENDED: Final = Table(
    "ended",
    METADATA,
    Column("transfer", String(64), primary_key=True),
    Column("document", Text, nullable=False),
)

NOTICES: Final = Table(
    "notices",
    METADATA,
    Column("id", _SERIAL, primary_key=True),
    Column("receiver", String(64), nullable=False),
    Column("notice", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("sent", BigInteger),
    Index("notices_once", "receiver", "notice", unique=True),
    Index("notices_waiting", "receiver", "sent", "id"),
)

NOTICE_RECEIVERS: Final = Table(
    "notice_receivers",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
)

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)
