"""The Merkle tree and its proofs, against published vectors and RFC 6962's definitions written once more."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import InvalidInput, Refused
from strongroom.log.entry import leaf_hash
from strongroom.log.proofs import MemoryNodes, Tree, verify_consistency, verify_inclusion
from strongroom.log.tree import EMPTY_ROOT, CompactRange

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "rfc6962.json").read_text())


def unhex(values: list[str]) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, values))


KNOWN = unhex(VECTORS["leaves"])
ROOTS = unhex([VECTORS["empty_root"], *VECTORS["roots"]])


def entries(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def grown(data: list[bytes] | tuple[bytes, ...]) -> Tree:
    tree = Tree(MemoryNodes())
    for item in data:
        tree.append(leaf_hash(item))
    return tree


SIZE = 70
DATA = entries(SIZE)
TREE = grown(DATA)


# RFC 6962 §2.1 to §2.1.2 as definitions, without any stored node.
def split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def mth(data: list[bytes]) -> bytes:
    if not data:
        return hashlib.sha256().digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    k = split(len(data))
    return hashlib.sha256(b"\x01" + mth(data[:k]) + mth(data[k:])).digest()


def path(m: int, data: list[bytes]) -> list[bytes]:
    if len(data) == 1:
        return []
    k = split(len(data))
    return [*path(m, data[:k]), mth(data[k:])] if m < k else [*path(m - k, data[k:]), mth(data[:k])]


def subproof(m: int, data: list[bytes], whole: bool) -> list[bytes]:
    if m == len(data):
        return [] if whole else [mth(data)]
    k = split(len(data))
    if m <= k:
        return [*subproof(m, data[:k], whole), mth(data[k:])]
    return [*subproof(m - k, data[k:], False), mth(data[:k])]


sizes = st.integers(1, SIZE)


def test_roots_of_the_vectors() -> None:
    tree, edge = Tree(MemoryNodes()), CompactRange()
    assert tree.root() == edge.root() == EMPTY_ROOT == ROOTS[0]
    for size, item in enumerate(KNOWN, 1):
        tree.append(leaf_hash(item))
        edge = edge.append(leaf_hash(item))
        assert tree.root() == edge.root() == ROOTS[size] and tree.size == edge.size == size
    assert [tree.root(size) for size in range(9)] == list(ROOTS)


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda v: f"{v['index']} of {v['size']}")
def test_inclusion_vectors(vector: dict[str, Any]) -> None:
    index, size, proof = vector["index"], vector["size"], unhex(vector["proof"])
    assert grown(KNOWN).inclusion_proof(index, size) == proof
    verify_inclusion(leaf_hash(KNOWN[index]), index, size, proof, ROOTS[size])


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda v: f"{v['old']} to {v['new']}")
def test_consistency_vectors(vector: dict[str, Any]) -> None:
    old, new, proof = vector["old"], vector["new"], unhex(vector["proof"])
    assert grown(KNOWN).consistency_proof(old, new) == proof
    verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)


@given(st.data(), sizes)
def test_proofs_are_those_of_the_rfc_and_verify(draw: st.DataObject, size: int) -> None:
    index, old = draw.draw(st.integers(0, size - 1)), draw.draw(st.integers(1, size))
    root = mth(DATA[:size])
    assert TREE.root(size) == root
    inclusion = TREE.inclusion_proof(index, size)
    assert list(inclusion) == path(index, DATA[:size])
    verify_inclusion(leaf_hash(DATA[index]), index, size, inclusion, root)
    consistency = TREE.consistency_proof(old, size)
    assert list(consistency) == subproof(old, DATA[:size], True)
    verify_consistency(old, size, mth(DATA[:old]), root, consistency)


@given(st.data(), sizes)
def test_a_changed_inclusion_claim_is_refused(draw: st.DataObject, size: int) -> None:
    index = draw.draw(st.integers(0, size - 1))
    leaf, root, proof = leaf_hash(DATA[index]), TREE.root(size), TREE.inclusion_proof(index, size)
    verify_inclusion(leaf, index, size, proof, root)
    other = draw.draw(st.integers(-2, size + 2).filter(lambda value: value != index))
    changed = list(proof)
    if changed:
        changed[draw.draw(st.integers(0, len(changed) - 1))] = leaf_hash(b"else")
    claims = [
        (leaf, other, size, proof, root),
        (leaf_hash(b"else"), index, size, proof, root),
        (leaf, index, size, (*proof, root), root),
        (leaf, index, size, (root, *proof), root),
        (leaf, index, size, proof, leaf_hash(b"else")),
        (leaf, index, 0, proof, root),
        (leaf, index, -size, proof, root),
    ]
    if changed:
        claims += [(leaf, index, size, tuple(changed), root), (leaf, index, size, proof[:-1], root)]
    for claim in claims:
        with pytest.raises(Refused, match=r"log\.inclusion"):
            verify_inclusion(*claim)


@given(st.data(), st.integers(2, SIZE))
def test_a_changed_consistency_claim_is_refused(draw: st.DataObject, new: int) -> None:
    old = draw.draw(st.integers(1, new - 1))
    before, after, proof = TREE.root(old), TREE.root(new), TREE.consistency_proof(old, new)
    elsewhere = leaf_hash(b"else")
    changed = list(proof)
    changed[draw.draw(st.integers(0, len(changed) - 1))] = elsewhere
    for claim in (
        (old, new, elsewhere, after, proof),
        (old, new, before, elsewhere, proof),
        (old, new, before, after, changed),
        (old, new, before, after, proof[:-1]),
        (old, new, before, after, (*proof, elsewhere)),
        (old, new, before, after, ()),
        (new, old, after, before, proof),
        (old, old, before, after, ()),
        (new, new, after, after, proof),
        (0, new, before, after, ()),
        (0, new, EMPTY_ROOT, after, proof),
        (-1, new, before, after, proof),
    ):
        with pytest.raises(Refused, match=r"log\.consistency"):
            verify_consistency(*claim)


hashes = st.binary(min_size=32, max_size=32)
numbers = st.integers(-3, 12) | st.integers(2**52, 2**64)


@given(st.lists(hashes | st.binary(max_size=3), max_size=70), numbers, numbers, hashes, hashes)
def test_no_random_proof_passes(proof: list[bytes], one: int, two: int, first: bytes, second: bytes) -> None:
    with pytest.raises(Refused, match=r"log\.inclusion"):
        verify_inclusion(first, one, two, proof, second)
    if first != second:
        with pytest.raises(Refused, match=r"log\.consistency"):
            verify_consistency(one, two, first, second, proof)


def test_a_rewritten_history_is_not_consistent() -> None:
    rewritten = grown([*DATA[:20], b"else", *DATA[21:]])
    with pytest.raises(Refused, match=r"log\.consistency"):
        verify_consistency(30, 60, TREE.root(30), rewritten.root(60), rewritten.consistency_proof(30, 60))
    with pytest.raises(Refused, match=r"log\.consistency"):
        verify_consistency(60, 60, TREE.root(60), rewritten.root(60), ())
    assert rewritten.root(20) == TREE.root(20)


def test_every_tree_extends_the_empty_one() -> None:
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, ())
    verify_consistency(0, 5, EMPTY_ROOT, TREE.root(5), TREE.consistency_proof(0, 5))


@given(st.integers(0, SIZE))
def test_a_tree_reopened_from_its_nodes_goes_on(size: int) -> None:
    nodes = MemoryNodes()
    first = Tree(nodes)
    for item in DATA[:size]:
        first.append(leaf_hash(item))
    again = Tree(nodes, size)
    assert again.root() == first.root() == TREE.root(size) and again.range() == first.range() == TREE.range(size)
    again.append(leaf_hash(b"next"))
    assert again.root() == mth([*DATA[:size], b"next"])


def test_only_complete_subtrees_are_stored_and_each_once() -> None:
    puts: list[tuple[int, int]] = []
    edge = CompactRange()
    for item in DATA:
        edge = edge.append(leaf_hash(item), lambda level, index, node: puts.append((level, index)))
    expected = {(level, index) for level in range(7) for index in range(SIZE >> level)}
    assert set(puts) == expected and len(puts) == len(expected)


def test_an_older_range_stays_as_it_was() -> None:
    edge = TREE.range(37)
    assert edge.append(leaf_hash(b"one")).root() != edge.append(leaf_hash(b"two")).root()
    assert edge == TREE.range(37) and edge.root() == TREE.root(37)


@pytest.mark.parametrize(("size", "count"), [(1, 0), (0, 1), (3, 1), (4, 2), (-1, 1)])
def test_a_range_has_one_hash_for_each_bit_of_its_size(size: int, count: int) -> None:
    with pytest.raises(InvalidInput, match=r"log\.range"):
        CompactRange(size, (bytes(32),) * count)


def test_questions_beyond_the_tree_are_refused() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5), (0, SIZE + 1)):
        with pytest.raises(InvalidInput, match=r"log\.range"):
            TREE.inclusion_proof(index, size)
    for old, new in ((3, 2), (-1, 2), (1, SIZE + 1)):
        with pytest.raises(InvalidInput, match=r"log\.range"):
            TREE.consistency_proof(old, new)
    for size in (-1, SIZE + 1):
        with pytest.raises(InvalidInput, match=r"log\.range"):
            TREE.root(size)


def test_growing_by_the_core_is_appending_and_taking_the_root() -> None:
    tree = other = CompactRange()
    for size in range(1, 300):
        tree, root = tree.grown(leaf_hash(b"%d" % size))
        other = other.append(leaf_hash(b"%d" % size))
        assert (tree, root) == (other, other.root())
    with pytest.raises(ValueError, match="32 bytes"):
        tree.grown(b"short")
