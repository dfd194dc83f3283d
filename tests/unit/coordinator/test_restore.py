"""A store made anew from somebody's copy of the log: whole, folded, and cosigned by a quorum, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.coordinator.history import History
from strongroom.coordinator.restore import rebuild
from strongroom.errors import StrongroomError
from strongroom.log.checkpoint import Checkpoint, Note, cosign, origin_of
from strongroom.store.database import Database
from strongroom.store.journal import Journal, run_inline
from strongroom.store.lease import acquire
from strongroom.store.log import LogStore
from tests.workspace import NODES, Workspace


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'strongroom.db'}")
    yield opened
    opened.close()


def note_of(desk: Workspace, *witnesses: str) -> str:
    head = Checkpoint(origin_of(desk.state.workspace), desk.state.size, desk.state.root)
    return Note(head, tuple(cosign(head, desk.keys[name], name, desk.time // 1000) for name in witnesses)).text()


def raws_of(desk: Workspace) -> list[bytes]:
    return [entry.raw for entry in desk.entries]


def loaded(database: Database) -> History:
    lease = acquire(database, "sequencer", "test", 0, 0)
    history = History(LogStore(database, Journal(database, lease, run_inline, lambda error: None)))
    history.load()
    return history


def test_the_coordinator_goes_on_from_the_same_head_and_the_tail_behind_it(database: Database) -> None:
    desk = Workspace().ready()
    early = note_of(desk, *NODES[1:])
    desk.propose()
    note, covered = note_of(desk, *NODES[:3]), desk.state.size
    desk.authorize(desk.propose())
    told: list[int] = []
    state = rebuild(database, iter(raws_of(desk)), [early, note], told.append)
    history = loaded(database)
    assert state.root == history.state.root == desk.state.root
    assert (history.cosigned.size, history.note) == (covered, note)
    assert told[-1] == desk.state.size
    store = LogStore(database, Journal(database, acquire(database, "x", "test", 0, 0), run_inline, lambda error: None))
    assert store.note_within(0, covered - 1) == (covered - 1, early), "for nodes that are far behind"


@pytest.mark.parametrize("witnesses", [NODES[:2], ()])
def test_a_log_that_no_quorum_has_cosigned_is_refused(database: Database, witnesses: tuple[str, ...]) -> None:
    desk = Workspace().ready()
    head = Checkpoint(origin_of(desk.state.workspace), desk.state.size, desk.state.root)
    lines = [cosign(head, desk.keys[name], name, desk.time // 1000) for name in (*witnesses, "coordinator")]
    with pytest.raises(StrongroomError) as refused:
        rebuild(database, raws_of(desk), [Note(head, tuple(lines)).text()], lambda done: None)
    assert refused.value.code == "restore.note"


def test_an_altered_entry_is_refused_by_the_fold(database: Database) -> None:
    desk = Workspace().ready()
    raws = raws_of(desk)
    raws[-1] = raws[-1].replace(b"hot-eth", b"hot-eht")
    with pytest.raises(StrongroomError) as refused:
        rebuild(database, raws, [note_of(desk, *NODES)], lambda done: None)
    assert refused.value.code == "statement.other_subject"


def test_a_store_in_use_is_kept(database: Database) -> None:
    desk = Workspace().ready()
    rebuild(database, raws_of(desk), [note_of(desk, *NODES)], lambda done: None)
    with pytest.raises(StrongroomError) as refused:
        rebuild(database, raws_of(desk), [note_of(desk, *NODES)], lambda done: None)
    assert refused.value.code == "restore.store_in_use"
    assert loaded(database).state.size == desk.state.size
