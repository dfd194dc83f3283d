"""The log as this machine has verified it itself: only heads that a quorum has cosigned, and never backwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from strongroom.approver.shelf import Shelf
from strongroom.custody.authority import signers_in
from strongroom.custody.fold import apply
from strongroom.custody.sealed import Sealed
from strongroom.custody.state import CustodyState
from strongroom.custody.witnesses import cosigned, fresh_since
from strongroom.documents.statement import Seen
from strongroom.errors import InvalidInput, Refused, StrongroomError, Unreachable
from strongroom.log.batch import parse_entries
from strongroom.log.checkpoint import Note, origin_of, parse_note
from strongroom.log.entry import Entry, parse_entry

PAGE: Final = 500  # entries that are asked for, and folded, at once
SKEW: Final = 120  # s by which this machine's clock and the witnesses' may differ

Fetch = Callable[[int, int], Sequence[bytes]]
"""So many raw entries from a number on; what a source gives is not believed."""

Tell = Callable[[int, int], None]
"""Hears of entries done and to do."""


@dataclass(frozen=True, slots=True)
class Head:
    """A head that a quorum has cosigned, as its note; `since`: unix s of the last cosignature that it took."""

    note: str = ""
    size: int = 0
    root: bytes = b""
    since: int = 0

    @property
    def seen(self) -> Seen:
        """As statements name it."""
        return Seen(self.size, self.root.hex())

    def age(self, now: int) -> int:
        """Seconds since then by a clock (unix ms); negative when the clock is behind the witnesses'."""
        return now // 1000 - self.since

    def is_fresh(self, now: int, most: int) -> bool:
        """Whether it is at most so many seconds old, and not from a future that the clock does not know."""
        return bool(self.size) and -SKEW <= self.age(now) <= most

    def require_fresh(self, now: int, most: int) -> None:
        """Raises Refused checkpoint.stale beyond `most` seconds, time.outside_skew before its own time."""
        if self.is_fresh(now, most):
            return
        if not self.size:
            raise Refused("checkpoint.missing", "this machine has verified no part of the log yet")
        if self.age(now) > most:
            raise Refused(
                "checkpoint.stale",
                f"what this machine knows is {self.age(now)} s old, more than {most} s: it may have been overtaken",
                "reach a source that shows a newer head, or set this machine's clock",
            )
        raise Refused("time.outside_skew", f"this machine's clock is {-self.age(now)} s behind the witnesses'")


@dataclass(frozen=True, slots=True)
class Known:
    """What this machine knows at one moment: a head, and the state after exactly its entries."""

    state: CustodyState
    head: Head


class Replica:
    """What was verified here, from the pinned first entry on; `known` changes as a whole, for whoever reads it."""

    def __init__(self, workspace: str, shelf: Shelf) -> None:
        self.workspace, self._shelf, self._sealed = workspace, shelf, Sealed(shelf)
        kept = shelf.note()
        self.known = Known(self._sealed.load(parse_note(kept).checkpoint.size if kept else 0), Head())
        self._catch_up()

    @property
    def state(self) -> CustodyState:
        """The state at the newest head that was verified here."""
        return self.known.state

    @property
    def head(self) -> Head:
        """That head."""
        return self.known.head

    def follow(self, text: str, fetch: Fetch, tell: Tell = lambda done, total: None) -> bool:
        """Go on to the head of a signed note; whether anything is new.

        Raises Refused, InvalidInput or Unreachable, and then everything is as it was.
        """
        note = parse_note(text)
        if note.checkpoint.origin != origin_of(self.workspace):
            raise Refused("workspace.not_created_here", "the source shows the log of another workspace")
        with self._shelf.writing():
            self._catch_up()
            before, found = self.head, self._verified(note, text, fetch, tell)
            newer = found.head.since > before.since or found.head.size > before.size
            if newer:
                self._shelf.put_note(text)
                self._sealed.cosigned(found.state)
        if newer:
            self.known = found
        return newer

    def _catch_up(self) -> None:
        """Take over what is on the shelf beyond this state: verified here before, by this process or another."""
        text = self._shelf.note()
        if text == self.head.note:
            return
        try:
            note = parse_note(text)
            state = self._folded(self._shelf.entries, note.checkpoint.size)
            self.known = Known(state, _head(state, note, text))
        except StrongroomError as error:
            raise Refused("log.damaged", f"the log in this home is not what was verified: {error.message}") from None

    def _verified(self, note: Note, text: str, fetch: Fetch, tell: Tell) -> Known:
        size = note.checkpoint.size
        if size < self.state.size:
            same = self.state.roots.get(size) == note.checkpoint.root
            reason = f"an older head, of {size} entries," if same else "another branch of the log"
            known = f"{self.state.size} entries are verified here"
            raise Refused("checkpoint.not_extending", f"the source shows {reason} where {known}")

        def stored(start: int, count: int) -> Sequence[bytes]:
            raws = fetch(start, count)
            self._shelf.append(start, raws)
            return raws

        try:
            state = self._folded(stored, size, tell)
            return Known(state, _head(state, note, text))
        except Refused:
            last = self.state.size - 1
            if last >= 0 and fetch(last, 1) != self._shelf.entries(last, 1):
                reason = f"the source's log differs in entry {last}, which was verified here"
                raise Refused("checkpoint.not_extending", reason) from None
            raise

    def _folded(self, fetch: Fetch, size: int, tell: Tell = lambda done, total: None) -> CustodyState:
        """The state after that many entries; raises what the fold refuses."""
        state = self.state
        while state.size < size:
            wanted = min(PAGE, size - state.size)
            raws = fetch(state.size, wanted)
            if len(raws) != wanted:
                raise Unreachable("log.gap", f"the source shows a head of {size} entries, but not entry {state.size}")
            for raw, parsed in zip(raws, parse_entries(raws, signers_in(state)), strict=True):
                state = self._applied(state, raw, parsed)
            tell(state.size, size)
        return state

    def _applied(self, state: CustodyState, raw: bytes, parsed: Entry | None) -> CustodyState:
        try:
            entry = parsed or parse_entry(raw)
            if state.size == 0 and entry.leaf.hex() != self.workspace:
                raise Refused("workspace.not_created_here", "the log begins with another workspace's creation")
            after = apply(state, entry)
        except StrongroomError as error:
            raise Refused(error.code, f"entry {state.size}: {error.message}") from None
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
            raise InvalidInput("entry.invalid", f"entry {state.size} cannot be read") from None
        self._sealed.saw(state, entry)
        return after


def _head(state: CustodyState, note: Note, text: str) -> Head:
    """The note as a head of this very state; raises Refused checkpoint.not_extending, checkpoint.no_quorum."""
    times = cosigned(state, note)
    return Head(text, state.size, state.root, fresh_since(state, times))
