"""A coordinator's store made anew from a log that somebody else has kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from sqlalchemy import insert

from strongroom.coordinator.history import valid_note
from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.errors import InvalidInput, Refused
from strongroom.log.checkpoint import parse_note
from strongroom.log.entry import Entry, parse_entry
from strongroom.log.tree import CompactRange
from strongroom.store.database import Database
from strongroom.store.lease import acquire
from strongroom.store.log import append
from strongroom.store.tables import NOTES

CHUNK: Final = 1000


def rebuild(
    database: Database, entries: Iterable[bytes], notes: Iterable[str], tell: Callable[[int], None]
) -> CustodyState:
    """Store the entries, each folded first, and the notes that quorums have cosigned over them; the state reached.

    `tell` hears how many are stored. Raises InvalidInput restore.store_in_use, Refused restore.note, what the fold
    raises.
    """
    with database.reading() as connection:
        if connection.exec_driver_sql("SELECT 1 FROM entries").first() is not None:
            raise InvalidInput("restore.store_in_use", "the store holds a log already", "name an empty home")
    lease = acquire(database, "restore", "restore", 0, 0)
    waiting = {parse_note(note).checkpoint.size: note for note in notes}
    state, tree, chunk, kept = EMPTY, CompactRange(), list[Entry](), dict[int, str]()
    for raw in entries:
        entry = parse_entry(raw)
        state = apply(state, entry)
        if (note := waiting.get(state.size)) and valid_note(state, note):
            kept[state.size] = note
        chunk.append(entry)
        if len(chunk) == CHUNK:
            tree, chunk = append(database, lease, tree, chunk), []
            tell(state.size)
    append(database, lease, tree, chunk)
    tell(state.size)
    if not kept:
        raise Refused("restore.note", "no quorum has cosigned this log: it may be anybody's")
    with database.transaction() as connection:
        connection.execute(insert(NOTES), [{"size": size, "note": note} for size, note in kept.items()])
    return state
