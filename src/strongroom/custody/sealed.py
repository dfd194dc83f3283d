"""The snapshot that a replica starts from: the newest sealed state under a quorum's cosignatures, on its own shelf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from strongroom.custody.snapshot import read, write
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.errors import Refused
from strongroom.log.entry import Entry


class Shelf(Protocol):
    """Where a replica keeps one snapshot: its text among its pages, each piece under the hash of what it says."""

    def newest(self) -> tuple[int, str] | None:
        """Size and digest (hex) of the snapshot that is kept."""
        ...

    def piece(self, name: str) -> bytes:
        """A piece of it; raises Refused snapshot.digest when it is not there."""
        ...

    def keep(self, size: int, digest: str, pieces: Mapping[str, bytes]) -> None:
        """Put this snapshot in the place of the one before; pieces that are there already are not written again."""
        ...


class Sealed:
    """Watches seals go by, and writes the sealed state down once nothing can take it back.

    `refused` says why a snapshot on the shelf was not used.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._waiting: tuple[CustodyState, str] | None = None
        self.refused: Refused | None = None

    def load(self, most: int) -> CustodyState:
        """The state on the shelf, EMPTY when there is none of at most `most` entries, or it is not what was written."""
        size, digest = self._shelf.newest() or (0, "")
        if not 0 < size <= most:
            return EMPTY
        try:
            return read(self._shelf.piece(digest), digest, self._shelf.piece)
        except Refused as error:
            self.refused = error
            self._shelf.keep(0, "", {})
            return EMPTY

    def saw(self, before: CustodyState, entry: Entry) -> None:
        """An entry was folded; if it seals, the fold has compared the digest of the state before it."""
        if entry.kind == "state.sealed":
            self._waiting = (before, entry.body["digest"])

    def cosigned(self, head: CustodyState) -> None:
        """A quorum has cosigned this head: a sealed state below it, on the same branch, is written down."""
        if self._waiting is not None:
            state, digest = self._waiting
            if state.size < head.size and head.roots.get(state.size) == state.root:
                self._waiting = None
                self.put(state, digest)

    def put(self, state: CustodyState, digest: str) -> None:
        """Write down a state of this digest, durable with what the shelf is given next."""
        pages = {page.name: page.packed for page in (*state.proposals.rows.pages, *state.debits.pages)}
        self._shelf.keep(state.size, digest, {**pages, digest: write(state)})
