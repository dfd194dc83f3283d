"""Inclusion and consistency proofs of RFC 6962 §2.1: made from stored nodes, and verified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from strongroom.errors import InvalidInput, Refused
from strongroom.log.tree import EMPTY_ROOT, CompactRange, fold_peaks, node_hash


class NodeStore(Protocol):
    """Roots of perfect subtrees: (level, index) covers the 2**level leaves from index * 2**level on."""

    def get(self, level: int, index: int) -> bytes:
        """A node that was put."""
        ...

    def put(self, level: int, index: int, node: bytes) -> None:
        """Keep a node; it never changes."""
        ...


@dataclass(slots=True)
class MemoryNodes:
    """A NodeStore in a dict."""

    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def get(self, level: int, index: int) -> bytes:
        """A node that was put; raises KeyError."""
        return self.nodes[level, index]

    def put(self, level: int, index: int, node: bytes) -> None:
        """Keep a node."""
        self.nodes[level, index] = node


class Tree:
    """A growing tree over a NodeStore that answers for every size it has had."""

    def __init__(self, nodes: NodeStore, size: int = 0) -> None:
        self._nodes = nodes
        self._range = CompactRange(size, tuple(self._peaks(0, size)))

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._range.size

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash and store the subtrees that it completes."""
        self._range = self._range.append(leaf, self._nodes.put)

    def range(self, size: int | None = None) -> CompactRange:
        """The compact range of the tree as it was at a size, now by default."""
        if size is None or size == self.size:
            return self._range
        self._require(0 <= size <= self.size)
        return CompactRange(size, tuple(self._peaks(0, size)))

    def root(self, size: int | None = None) -> bytes:
        """The root hash at a size, now by default."""
        return self.range(size).root()

    def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """PATH(index, D[size]) of RFC 6962 §2.1.1; raises InvalidInput log.range."""
        self._require(0 <= index < size <= self.size)
        path, start, end = [], 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        return tuple(reversed(path))

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """PROOF(old, D[new]) of RFC 6962 §2.1.2, nothing for old = 0; raises InvalidInput log.range."""
        self._require(0 <= old <= new <= self.size)
        if old == 0:
            return ()
        path, start, end = [], 0, new
        while end != old:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        if start:
            path.append(self._subtree(start, end))
        return tuple(reversed(path))

    def _require(self, fits: bool) -> None:
        if not fits:
            raise InvalidInput("log.range", f"the log has {self.size} entries")

    def _subtree(self, start: int, end: int) -> bytes:
        return fold_peaks(tuple(self._peaks(start, end)))

    def _peaks(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            level = (end - start).bit_length() - 1
            yield self._nodes.get(level, start >> level)
            start += 1 << level


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << ((size - 1).bit_length() - 1)


def _climb(index: int, last: int) -> tuple[int, int]:
    """To the next level where the path has a sibling on its left, or to the left edge."""
    while index and not index & 1:
        index, last = index >> 1, last >> 1
    return index, last


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises Refused log.inclusion unless the leaf hash is at the index of that tree (RFC 9162 §2.1.3.2)."""
    node, at, last = leaf, index, size - 1
    valid = 0 <= index < size and len(proof) <= 64
    for sibling in proof if valid else ():
        valid = valid and last > 0 and len(sibling) == 32
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            at, last = _climb(at, last)
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    if not valid or last != 0 or node != root:
        raise Refused("log.inclusion", f"the entry is not proven to be number {index} of {size}")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises Refused log.consistency unless the new tree extends the old one (RFC 9162 §2.1.4.2)."""
    if old in (0, new):
        valid = 0 <= old <= new and not proof and old_root == (new_root if old == new else EMPTY_ROOT)
    else:
        path = (old_root, *proof) if old.bit_count() == 1 else tuple(proof)
        valid = 0 < old < new and 0 < len(path) <= 65 and all(len(node) == 32 for node in path)
        valid = valid and _extends(old, new, old_root, new_root, path)
    if not valid:
        raise Refused("log.consistency", f"the tree of {new} entries is not proven to extend that of {old}")


def _extends(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            at, last = _climb(at, last)
        else:
            new_node = node_hash(new_node, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and old_node == old_root and new_node == new_root
