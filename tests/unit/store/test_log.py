"""The log on disk: what is appended can be read and proven, cut and fenced."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.errors import Refused, Waiting
from strongroom.log.entry import Entry, new_entry
from strongroom.log.tree import CompactRange
from strongroom.store.database import Database
from strongroom.store.journal import Journal, run_inline
from strongroom.store.lease import acquire, renew
from strongroom.store.log import LogStore, append


def entry(number: int) -> Entry:
    return new_entry("transfer.proposed", number, {"transfer": str(number)})


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(f"sqlite:///{tmp_path / 'store.db'}")


async def test_entries_and_roots_survive_a_cut_and_a_restart(tmp_path: Path, database: Database) -> None:
    """Every size's root is that of the entries, also after a tail was cut and another appended."""
    lease = acquire(database, "sequencer", "me", 0, 1000)
    failures: list[BaseException] = []
    journal = Journal(database, lease, run_inline, failures.append)
    log, ranges = LogStore(database, journal), [CompactRange()]
    stored: list[int] = []
    for number in range(21):
        ranges.append(log.append(ranges[-1], entry(number), lambda: stored.append(1)))
    await journal.drain()
    assert not failures and stored and log.stored_size() == 21
    assert [log.root(size) for size in range(1, 22)] == [r.root() for r in ranges[1:]]
    log.truncate(13)
    tree = log.append(ranges[13], entry(99), lambda: None)
    await journal.drain()
    database.close()
    again = Database.open(f"sqlite:///{tmp_path / 'store.db'}")
    other = LogStore(again, Journal(again, lease, run_inline, failures.append))
    assert other.stored_size() == 14 and other.root(14) == tree.root() and other.root(13) == ranges[13].root()
    assert list(other.walk(chunk=5)) == [entry(n).raw for n in range(13)] + [entry(99).raw]
    with pytest.raises(Refused, match=r"log\.gap"):
        other.root(20)
    again.close()


async def test_notes_are_found_by_size(database: Database) -> None:
    """The newest note within reach, or the next one beyond it."""
    journal = Journal(database, acquire(database, "sequencer", "me", 0, 1000), run_inline, lambda error: None)
    log = LogStore(database, journal)
    for size in (3, 9, 20):
        log.put_note(size, f"note {size}")
    log.put_note(20, "note 20, later")
    await journal.drain()
    assert log.newest_note() == (20, "note 20, later")
    assert log.note_within(3, 12) == (9, "note 9")
    assert log.note_within(9, 12) == (20, "note 20, later")
    assert log.note_within(20, 30) is None
    database.close()


async def test_a_zombie_cannot_append(database: Database) -> None:
    """Who lost the lease is refused inside its transaction, and nothing of it is stored."""
    old = acquire(database, "sequencer", "old", 0, 1000)
    with pytest.raises(Waiting, match=r"lease\.held"):
        acquire(database, "sequencer", "new", 500, 1000)
    new = acquire(database, "sequencer", "new", 1500, 1000)
    failures: list[BaseException] = []
    zombie = Journal(database, old, run_inline, failures.append)
    LogStore(database, zombie).append(CompactRange(), entry(1), lambda: None)
    import asyncio

    await asyncio.sleep(0.01)
    assert [getattr(error, "code", "") for error in failures] == ["lease.lost"]
    with pytest.raises(Refused, match=r"lease\.lost"):
        append(database, old, CompactRange(), [entry(1)])
    with pytest.raises(Refused, match=r"lease\.lost"):
        renew(database, old, 1600, 1000)
    renew(database, new, 1600, 1000)
    append(database, new, CompactRange(), [entry(1)])
    assert LogStore(database, zombie).stored_size() == 1
    assert acquire(database, "sequencer", "new", 1700, 1000).token == new.token + 1, "its own holder, after a crash"
    database.close()
