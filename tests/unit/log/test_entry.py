"""Entries: the leaf covers every byte, and any bytes give an entry or a coded refusal."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.canonical import encode, parse
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope, sign
from strongroom.errors import InvalidInput
from strongroom.log.entry import leaf_hash, new_entry, parse_entry

KEY = SigningKey.generate()
EVIDENCE = sign(b"{}", "application/vnd.strongroom.transfer.approve.v1+json", KEY)
ENTRY = new_entry("transfer.approved", 1_800_000_000_000, {"intent": "bb" * 32}, [EVIDENCE])

bodies = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=8), st.integers(0, 2**53 - 1) | st.none(), max_size=4
)
payloads = st.lists(st.binary(max_size=40), max_size=3)


@given(st.integers(0, 2**53 - 1), bodies, payloads)
def test_round_trip(time: int, body: dict[str, Any], signed: list[bytes]) -> None:
    evidence = tuple(sign(payload, "a/b", KEY) for payload in signed)
    entry = new_entry("transfer.proposed", time, body, evidence)
    assert parse_entry(entry.raw) == entry
    assert (entry.kind, entry.time, entry.body, entry.evidence) == ("transfer.proposed", time, body, evidence)


def test_the_leaf_is_the_hash_of_the_whole_entry() -> None:
    assert ENTRY.leaf == leaf_hash(ENTRY.raw) == hashlib.sha256(b"\x00" + ENTRY.raw).digest()
    other = Envelope(EVIDENCE.payload, EVIDENCE.payload_type, ((KEY.key_id, KEY.sign(b"else")),))
    changed = new_entry(ENTRY.kind, ENTRY.time, ENTRY.body, [other])
    assert changed.leaf != ENTRY.leaf
    assert new_entry(ENTRY.kind, ENTRY.time, ENTRY.body).leaf != ENTRY.leaf


@given(st.integers(0, len(ENTRY.raw) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused_or_changes_the_leaf(position: int, change: int) -> None:
    raw = bytearray(ENTRY.raw)
    raw[position] ^= change
    try:
        assert parse_entry(bytes(raw)).leaf != ENTRY.leaf
    except InvalidInput as error:
        assert "." in error.code


@given(st.binary(max_size=100))
def test_any_bytes_give_an_entry_or_a_coded_refusal(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_entry(raw)
    assert "." in caught.value.code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "Transfer Approved"}, "slug.syntax"),
        ({"kind": None}, "document.type"),
        ({"time": -1}, "entry.time"),
        ({"time": True}, "document.type"),
        ({"time": "1"}, "document.type"),
        ({"body": []}, "document.type"),
        ({"evidence": {}}, "document.type"),
        ({"evidence": [{}]}, "document.missing_field"),
        ({"evidence": [EVIDENCE.to_doc() | {"signatures": []}]}, "envelope.signature_count"),
        ({"id": 1}, "document.unknown_field"),
    ],
)
def test_refused_shapes(change: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_entry(encode(parse(ENTRY.raw) | change))
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["kind", "time", "body", "evidence"])
def test_every_field_is_required(name: str) -> None:
    doc = parse(ENTRY.raw)
    del doc[name]
    with pytest.raises(InvalidInput, match=r"document\.missing_field"):
        parse_entry(encode(doc))


def test_an_entry_has_one_spelling_and_a_largest_size() -> None:
    with pytest.raises(InvalidInput, match=r"document\.not_canonical"):
        parse_entry(ENTRY.raw + b"\n")
    with pytest.raises(InvalidInput, match=r"document\.too_large"):
        new_entry("a", 0, {"x": "y" * 65536})
    spare = 65536 - len(new_entry("a", 0, {"x": ""}).raw)
    assert len(new_entry("a", 0, {"x": "y" * spare}).raw) == 65536
    with pytest.raises(InvalidInput, match=r"document\.too_large"):
        new_entry("a", 0, {"x": "y" * (spare + 1)})


def test_a_new_entry_is_not_touched_by_a_later_change_of_its_body() -> None:
    body = {"list": [1]}
    entry = new_entry("a", 0, body)
    body["list"].append(2)
    assert entry.body == {"list": [1]} and parse_entry(entry.raw) == entry
