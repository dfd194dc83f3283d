"""The log as the coordinator folds it: the state of every size from the quorum-cosigned head to the newest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from strongroom.custody.authority import signers_in
from strongroom.custody.fold import apply
from strongroom.custody.sealed import Sealed
from strongroom.custody.state import EMPTY, TRANSFERS_KEPT, CustodyState, Transfer
from strongroom.custody.witnesses import cosigned
from strongroom.errors import StrongroomError
from strongroom.log.batch import parse_ahead
from strongroom.log.checkpoint import parse_note
from strongroom.log.entry import Entry, parse_entry
from strongroom.log.tree import EMPTY_ROOT
from strongroom.store.log import LogStore

Check = Callable[[CustodyState, Entry], CustodyState]
MOST_CHUNK: Final = 512


class History:
    """Entries 0 … size-1; those up to `cosigned.size` are final, the others are the tail and may be cut."""

    def __init__(self, log: LogStore, check: Check = apply) -> None:
        self._log, self._check, self.sealed = log, check, Sealed(log)
        self._states: dict[int, CustodyState] = {0: EMPTY}
        self._tail: list[Entry] = []
        self.state: CustodyState = EMPTY
        self.cosigned: CustodyState = EMPTY
        self.note = ""
        self.durable = 0
        self._cuts = 0
        self.on_let_go: Callable[[list[Transfer]], None] = lambda transfers: None

    def load(self) -> None:
        """Fold the store; what does not apply is cut off, with all behind it."""
        newest = self._log.newest_note()
        floor = newest[0] if newest else 0
        self._begin(self.sealed.load(floor))
        for raw, parsed in parse_ahead(self._log.walk(self.state.size), lambda: signers_in(self.state)):
            try:
                entry = parsed or parse_entry(raw)
                state = self._check(self.state, entry)
            except StrongroomError:
                self._log.truncate(self.state.size)
                break
            self._take(entry, state)
            if self.state.size == floor and newest and valid_note(self.state, newest[1]):
                self.advance(floor, newest[1])
            elif self.state.size < floor:  # on the way to a note: nothing in between is needed
                self._states = {self.state.size: self.state}
                self._tail.clear()
                self.cosigned = self.state
        if newest and self.cosigned.size != floor:  # the note does not fit: start from nothing cosigned
            self._reload()
        self.durable = self.state.size

    def _begin(self, state: CustodyState) -> None:
        if state.size and (self._log.stored_size() < state.size or self._log.root(state.size) != state.root):
            state = EMPTY  # a snapshot of a branch that was cut
        self._states, self._tail, self.state, self.cosigned = {state.size: state}, [], state, state

    def _reload(self) -> None:
        self._begin(EMPTY)
        for raw, parsed in parse_ahead(self._log.walk(), lambda: signers_in(self.state)):
            try:
                entry = parsed or parse_entry(raw)
                self._take(entry, self._check(self.state, entry))
            except StrongroomError:
                break

    def try_entry(self, entry: Entry) -> CustodyState:
        """The state with one more entry, kept nowhere; raises what the fold raises."""
        return self._check(self.state, entry)

    def put(self, entry: Entry, done: Callable[[int], None], *, lazy: bool = False) -> int:
        """Append an entry; its index. `done(size)` once it is durable. Raises what the fold raises."""
        before, state = self.state, self._check(self.state, entry)
        size, cuts = state.size, self._cuts

        def stored() -> None:
            if cuts == self._cuts:  # else a cut has overtaken it
                self.durable = max(self.durable, size)
                done(size)

        self._log.append(before.tree, entry, stored, lazy=lazy)
        self._take(entry, state)
        return before.size

    def _take(self, entry: Entry, state: CustodyState) -> None:
        if state.size % TRANSFERS_KEPT == 0:
            held = state.transfers
            self.on_let_go([gone for name, gone in self.state.transfers.items() if name not in held])
        self.sealed.saw(self.state, entry)
        self.state = self._states[state.size] = state
        self._tail.append(entry)

    def advance(self, size: int, note: str) -> None:
        """The head of `size` is quorum-cosigned: nothing below it changes any more."""
        passed = size - self.cosigned.size
        del self._tail[:passed]
        for old in range(self.cosigned.size, size):
            self._states.pop(old, None)
        self.cosigned, self.note = self._states[size], note
        self.sealed.cosigned(self.cosigned)

    def drop_tail(self) -> list[Entry]:
        """Cut everything that is not quorum-cosigned; the entries cut, in order."""
        dropped, self._tail = self._tail, []
        self.state, self._cuts = self.cosigned, self._cuts + 1
        self._states = {self.state.size: self.state}
        self.durable = min(self.durable, self.state.size)
        self._log.truncate(self.state.size)
        return dropped

    def state_at(self, size: int) -> CustodyState | None:
        """The state of a size from the cosigned head on."""
        return self._states.get(size)

    def root_at(self, size: int) -> bytes | None:
        """The root of our log at a size; None beyond its end."""
        if size == 0:
            return EMPTY_ROOT
        if not 0 < size <= self.state.size:
            return None
        return self.state.roots.get(size) or self._log.root(size)

    def tail(self, start: int, end: int) -> list[Entry]:
        """The entries of a range behind the cosigned head."""
        base = self.cosigned.size
        return self._tail[start - base : end - base]

    def raw(self, start: int, end: int) -> list[bytes]:
        """The raw entries of a range of indices."""
        base = self.cosigned.size
        old = self._log.read(start, min(end, base) - start) if start < base else []
        return old + [entry.raw for entry in self.tail(max(start, base), end)] if end > base else old


def valid_note(state: CustodyState, text: str) -> bool:
    """Whether a note text is a quorum-cosigned checkpoint of exactly this state's head."""
    try:
        return bool(cosigned(state, parse_note(text)))
    except StrongroomError:
        return False
