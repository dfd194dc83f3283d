"""The Merkle tree of RFC 6962 §2.1 as its right edge: all that a replica needs to append and to compare roots."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from strongroom import _core
from strongroom.errors import InvalidInput

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), of two 32-byte hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold_peaks(peaks: Sequence[bytes]) -> bytes:
    """The root over adjacent perfect subtrees, largest first, one at least."""
    return reduce(lambda right, left: node_hash(left, right), reversed(peaks))


@dataclass(frozen=True, slots=True)
class CompactRange:
    """A tree of `size` leaves as the roots of its perfect subtrees, largest first: enough to append."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise InvalidInput("log.range", "the hashes do not fit the size of the tree")

    def append(self, leaf: bytes, put: Callable[[int, int, bytes], None] | None = None) -> CompactRange:
        """The range with one more leaf hash; `put(level, index, hash)` gets each subtree it completes."""
        hashes, node, level, index = list(self.hashes), leaf, 0, self.size
        while True:
            if put is not None:
                put(level, index, node)
            if not index & 1:
                break
            node, level, index = node_hash(hashes.pop(), node), level + 1, index >> 1
        return CompactRange(self.size + 1, (*hashes, node))

    def grown(self, leaf: bytes) -> tuple[CompactRange, bytes]:
        """The range with one more leaf hash, and its root: the two that a fold needs for each entry, by the core."""
        kept, peak, root = _core.grow(self.size, self.hashes, leaf)
        return CompactRange(self.size + 1, (*self.hashes[:kept], peak)), root

    def root(self) -> bytes:
        """The tree's root hash (MTH)."""
        return fold_peaks(self.hashes) if self.hashes else EMPTY_ROOT
