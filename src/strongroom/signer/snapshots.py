"""The snapshot that a node starts from: the newest sealed state under a quorum's cosignatures, on its own disk."""

from __future__ import annotations

from typing import Final

from strongroom.custody.snapshot import pages, read, write
from strongroom.custody.state import EMPTY, CustodyState
from strongroom.errors import Refused
from strongroom.log.entry import Entry
from strongroom.signer.disk import Disk

_FACT: Final = ("snapshot", "newest")


class Snapshots:
    """Watches seals go by, and writes the sealed state down once nothing can take it back.

    The text stands among the pages, by its own digest; `refused` says why a snapshot on disk was not used.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._sealed: tuple[CustodyState, str] | None = None
        self.refused: Refused | None = None

    def load(self, least: int) -> CustodyState:
        """The state on disk, EMPTY when there is none of at most `least` entries, or it is not what was written."""
        fact = self._disk.get(*_FACT)
        if fact is None or fact["size"] > least:
            return EMPTY
        try:
            return read(self._disk.piece(fact["digest"]), fact["digest"], self._disk.piece)
        except Refused as error:
            self.refused = error
            self._disk.drop(*_FACT)
            self._disk.keep_pieces({})
            return EMPTY

    def saw(self, before: CustodyState, entry: Entry) -> None:
        """An entry was folded; if it seals, the fold has compared the digest of the state before it."""
        if entry.kind == "state.sealed":
            self._sealed = (before, entry.body["digest"])

    def cosigned(self, head: CustodyState) -> None:
        """A quorum has cosigned this head: a sealed state below it, on the same branch, is written down."""
        if self._sealed is not None:
            state, digest = self._sealed
            if state.size < head.size and head.roots.get(state.size) == state.root:
                self._sealed = None
                self.put(state, digest)

    def put(self, state: CustodyState, digest: str) -> None:
        """Write down a state of this digest in the place of the one before, durable at the next commit."""
        self._disk.keep_pieces({**{page.name: page.packed for page in pages(state)}, digest: write(state)})
        self._disk.put(*_FACT, {"size": state.size, "digest": digest})
