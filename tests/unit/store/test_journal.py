"""The journal: order, company, durability, failure."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection

from strongroom.store.database import Database
from strongroom.store.journal import Journal, ThreadRunner
from strongroom.store.lease import acquire
from strongroom.store.records import Collected, Event, Records, Refusal, Signed


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(f"sqlite:///{tmp_path / 'store.db'}")


async def test_writes_keep_their_order_and_share_transactions(database: Database) -> None:
    """What is asked for while a transaction runs is committed together in the next, lazy writes with it."""
    runner, order = ThreadRunner(), list[tuple[int, int]]()
    journal = Journal(database, acquire(database, "a", "me", 0, 1000), runner, lambda error: None)

    def write(number: int) -> None:
        journal.write(lambda connection: order.append((number, journal.generation)), lazy=number % 3 == 0)

    for number in range(3):
        write(number)
    await asyncio.sleep(0)
    for number in range(3, 9):
        write(number)
    await journal.drain()
    assert [number for number, _ in order] == list(range(9))
    assert len({generation for _, generation in order}) == 2
    runner.close()
    database.close()


async def test_a_failing_write_keeps_nothing_and_is_told(database: Database) -> None:
    """All or nothing: the good write beside a bad one is rolled back, and nobody is told that it is durable."""
    failures: list[BaseException] = []
    runner = ThreadRunner()
    journal = Journal(database, acquire(database, "a", "me", 0, 1000), runner, failures.append)
    records, told = Records(database, journal), list[str]()
    records.add_event(Event("t", 1, "proposed", "by alice"))

    def bad(connection: Connection) -> None:
        raise OSError("the disk is full")

    journal.write(bad, lambda: told.append("durable"))
    while not failures:  # noqa: ASYNC110 - the journal tells by a plain call
        await asyncio.sleep(0.005)
    runner.close()
    assert not told and isinstance(failures[0], OSError)
    assert Records(database, journal).events("t") == []
    database.close()


async def test_records_are_read_back_as_written(database: Database) -> None:
    """Fresh rows are seen before they are durable, each once, and a new process reads the same."""
    runner = ThreadRunner()
    journal = Journal(database, acquire(database, "a", "me", 0, 1000), runner, lambda error: None)
    records = Records(database, journal)
    records.add_event(Event("t", 1, "proposed", "by alice"))
    records.add_refusal(Refusal("t", 2, "signer-1", "sign", "checkpoint.stale", "old"))
    assert len(records.events("t")) == 1 and len(records.refusals("t")) == 1
    signed = Signed("d" * 64, "t", b"s" * 64, b"raw", "0x01", 3)
    await records.put_signed(signed)
    await records.put_signed(signed)
    await records.put_collected(Collected("wallet.open", "s", "alice", 1, "{}", ""))
    await records.put_collected(Collected("wallet.open", "s", "alice", 2, "{1}", ""))
    await records.put_collected(Collected("wallet.open", "s", "bob", 3, "{}", ""))
    assert len(records.events("t")) == 1
    again = Records(database, journal)
    again.load_transfer("t")
    assert again.signed == {signed.digest: signed} and again.signatures_of("t") == [signed]
    assert [row.time for row in again.collected("wallet.open", "s")] == [2, 3]
    again.drop_collected("wallet.open", "s", "alice")
    await journal.drain()
    assert [row.person for row in again.collected()] == ["bob"]
    assert again.refusals("t")[0].code == "checkpoint.stale" and again.events("other") == []
    runner.close()
    database.close()
