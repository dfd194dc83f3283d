"""Canonical documents: the RFC's vectors, round trips, and a coded refusal for everything else."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from strongroom import _core
from strongroom.documents.canonical import MAX_INTEGER, digest, encode, fields, parse, parse_explained, parse_loose
from strongroom.errors import InvalidInput

RFC = json.loads((Path(__file__).parents[2] / "vectors" / "rfc8785.json").read_text())

text = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)
documents = st.dictionaries(text, values, max_size=6)


def refusal(data: bytes, read: Any = parse) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(data)
    return caught.value.code


@given(documents)
def test_parse_gives_back_what_was_encoded(doc: dict[str, Any]) -> None:
    data = encode(doc)
    assert parse(data) == doc and parse_loose(data) == doc
    assert encode(parse(data)) == data


@given(documents)
def test_encoding_is_that_of_the_reference_library(doc: dict[str, Any]) -> None:
    assert encode(doc) == rfc8785.dumps(doc)


@given(documents)
def test_another_spelling_is_read_loosely_and_refused_as_canonical(doc: dict[str, Any]) -> None:
    spelled = json.dumps(doc, indent=1).encode()
    assert parse_loose(spelled) == doc
    assert spelled == b"{}" or refusal(spelled) == "document.not_canonical"


JSON_LIKE = st.lists(
    st.sampled_from(
        [
            b"{",
            b"}",
            b"[",
            b"]",
            b'"',
            b"\\",
            b",",
            b":",
            b"a",
            b"1",
            b"-",
            b".",
            b"e9",
            b"\\u",
            b"d800",
            b" ",
            b"null",
            b"NaN",
            b"\xff",
            b"\xe2\x82\xac",
        ]
    ),
    max_size=60,
).map(b"".join)


@given(st.binary(max_size=200) | JSON_LIKE)
def test_any_bytes_give_a_document_or_a_coded_refusal(data: bytes) -> None:
    for read in (parse, parse_loose):
        try:
            doc = read(data)
        except InvalidInput as error:
            assert error.code.startswith("document.")
        else:
            assert parse(encode(doc)) == doc


def verdict(read: Any, data: bytes, depth: int) -> tuple[str, Any]:
    try:
        doc = read(data, max_depth=depth)
    except InvalidInput as error:
        return error.code, None
    assert list(doc) == list(json.loads(data))
    return "", doc


@given(documents, st.lists(st.tuples(st.integers(0, 400), JSON_LIKE | st.binary(max_size=3)), max_size=2), st.data())
def test_the_core_reads_exactly_what_the_definition_calls_canonical(
    doc: dict[str, Any], cuts: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    raw, depth = encode(doc), data.draw(st.integers(0, 6))
    for at, other in cuts:
        raw = raw[:at] + other + raw[at + data.draw(st.integers(0, 2)) :]
    assert verdict(parse, raw, depth) == verdict(parse_explained, raw, depth)
    by_core = _core.parse(raw, depth)
    assert (by_core is not None) == (verdict(parse_explained, raw, depth)[0] == "")
    assert by_core is None or (by_core, rfc8785.dumps(by_core)) == (json.loads(raw), raw)


def test_the_core_spells_every_character_as_the_reference_does() -> None:
    for code in [*range(0x250), *range(0xD7F0, 0xD800), *range(0xE000, 0xE010), 0xFEFF, 0xFFFF, 0x10000, 0x10FFFF]:
        doc = {"a": chr(code), "b": {chr(code): 1}}
        assert _core.parse(rfc8785.dumps(doc), 2) == doc
        escaped = json.dumps(doc, separators=(",", ":")).encode()
        assert (_core.parse(escaped, 2) is not None) == (escaped == rfc8785.dumps(doc)), code


def test_the_core_leaves_what_nests_deep_to_the_definition() -> None:
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert _core.parse(deep, 1 << 60) is None
    nested = b'{"a":' * 100 + b"1" + b"}" * 100
    assert parse(nested, max_depth=100) == parse_explained(nested, max_depth=100)


@pytest.mark.parametrize("vector", RFC["documents"], ids=lambda vector: vector["section"])
def test_documents_of_the_rfc(vector: dict[str, Any]) -> None:
    doc = parse_loose(vector["input"].encode())
    if "canonical_hex" in vector:
        assert encode(doc).hex() == vector["canonical_hex"]
    else:
        assert list(parse(encode(doc)).values()) == vector["values_in_order"]


def test_numbers_of_the_rfc_are_refused_unless_safe_integers() -> None:
    assert refusal(RFC["as_printed"].encode(), parse_loose) == "document.float"
    for vector in RFC["numbers"]:
        number = struct.unpack(">d", bytes.fromhex(vector["ieee"]))[0]
        assert rfc8785.dumps(number).decode() == vector["text"]
        data = b'{"n":' + vector["text"].encode() + b"}"
        if "refused" in vector:
            assert refusal(data) == vector["refused"], vector
        else:
            assert parse(data) == {"n": int(number)}
        with pytest.raises(InvalidInput, match=r"document\.float"):
            encode({"n": number})


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "document.syntax"),
        (b"[]", "document.not_object"),
        (b'"a"', "document.not_object"),
        (b'{"a":1,"a":1}', "document.duplicate_key"),
        (b'{"a":1,"\\u0061":1}', "document.duplicate_key"),
        (b'{"b":{"a":1,"a":2}}', "document.duplicate_key"),
        (b'{"a":1.0}', "document.float"),
        (b'{"a":1e3}', "document.float"),
        (b'{"a":NaN}', "document.float"),
        (b'{"a":-Infinity}', "document.float"),
        (b'{"a":9007199254740992}', "document.integer"),
        (b'{"a":-9007199254740992}', "document.integer"),
        (b'{"a":' + b"9" * 4301 + b"}", "document.integer"),
        (b'{"a":-0}', "document.not_canonical"),
        (b'{"a":01}', "document.syntax"),
        (b'{"a":+1}', "document.syntax"),
        (b'{"a": 1}', "document.not_canonical"),
        (b'{"a":1}\n', "document.not_canonical"),
        (b'{"b":1,"a":1}', "document.not_canonical"),
        (b'{"a":"\\u0041"}', "document.not_canonical"),
        (b'{"a":"\\/"}', "document.not_canonical"),
        (b'{"a":"\\u001F"}', "document.not_canonical"),
        (b'{"a":1}{"a":1}', "document.syntax"),
        (b'{"a":1,}', "document.syntax"),
        (b"{'a':1}", "document.syntax"),
        (b'{"a":"\n"}', "document.syntax"),
        (b'\xef\xbb\xbf{"a":1}', "document.syntax"),
        (b'{"a":"\xff"}', "document.syntax"),
        (b'{"a":"\xc0\x80"}', "document.syntax"),
        (b'{"a":"\xed\xa0\x80"}', "document.syntax"),
        (b'{"a":"\\ud800"}', "document.syntax"),
        (b'{"\\udc00":1}', "document.syntax"),
        ('{"a":1}'.encode("utf-16"), "document.syntax"),
        (b'{"a":"' + b"x" * 65530 + b'"}', "document.too_large"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "document.too_deep"),
        (b'{"a":' + b"[" * 60000, "document.too_deep"),
        (b"[" * 40 + b'"' + b'\\"' * 32000, "document.too_deep"),
        (b'{"a":"' + b"]" * 40 + b'","b":' + b"[" * 40, "document.too_deep"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_refused_with_its_code(data: bytes, code: str) -> None:
    assert refusal(data) == code


def test_a_loose_lone_surrogate_is_refused_and_a_pair_is_read() -> None:
    assert refusal(b'{ "a": "\\ud83d" }', parse_loose) == "document.syntax"
    assert parse_loose(b'{ "a": "\\ud83d\\ude00" }') == {"a": "\U0001f600"}


def test_bounds_are_inclusive() -> None:
    exact = b'{"a":"' + b"x" * (65536 - 8) + b'"}'
    assert len(exact) == 65536 and parse(exact)
    assert refusal(exact.replace(b"xx", b"xxx", 1)) == "document.too_large"
    nested = b'{"a":' + b"[" * 31 + b"]" * 31 + b"}"
    assert encode(parse(nested)) == nested
    assert refusal(b'{"a":' + b"[" * 32 + b"]" * 32 + b"}") == "document.too_deep"
    assert parse(b'{"a":9007199254740991,"b":-9007199254740991}')["a"] == MAX_INTEGER


def test_brackets_inside_strings_do_not_count_as_depth() -> None:
    doc = {"a": "[" * 100 + '\\"' + "{" * 100, "b": ["\\", "]" * 50, [[]]]}
    assert parse(encode(doc)) == doc
    wide: dict[str, Any] = {"a": [[] for _ in range(100)]}
    assert parse(encode(wide)) == wide


@pytest.mark.parametrize(
    ("doc", "code"),
    [
        ([], "document.not_object"),
        ({"a": 1.0}, "document.float"),
        ({"a": float("nan")}, "document.float"),
        ({1: "a"}, "document.type"),
        ({"a": {None: 1}}, "document.type"),
        ({"a": b"x"}, "document.type"),
        ({"a": {1, 2}}, "document.type"),
        ({"a": 2**53}, "document.integer"),
        ({"a": -(2**53)}, "document.integer"),
        ({"a": "\ud800"}, "document.syntax"),
        ({"\udfff": 1, "b": 2}, "document.syntax"),
    ],
)
def test_what_cannot_be_encoded(doc: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        encode(doc)
    assert caught.value.code == code


def test_a_document_that_holds_itself_is_too_deep() -> None:
    doc: dict[str, Any] = {}
    doc["a"] = doc
    with pytest.raises(InvalidInput, match=r"document\.too_deep"):
        encode(doc)


def test_a_refusal_quotes_no_unbounded_input() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(b'{"a":' + b"1" * 5000 + b".5}")
    assert len(str(caught.value)) < 200


def test_digest() -> None:
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


SHAPE: dict[str, Any] = {"name": str, "count": int, "flag": bool}


def test_fields_returns_the_object() -> None:
    doc = {"name": "a", "count": 1, "flag": True, "note": None}
    assert fields(doc, "thing", SHAPE, {"note": str | None, "more": list}) is doc


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"count": True}, "document.type", "count"),
        ({"count": "1"}, "document.type", "count"),
        ({"flag": 1}, "document.type", "flag"),
        ({"name": None}, "document.type", "name"),
        ({"note": 1}, "document.type", "note"),
        ({"extra": 1}, "document.unknown_field", "extra"),
        ({"name": ...}, "document.missing_field", "name"),
    ],
)
def test_fields_names_what_is_wrong(change: dict[str, Any], code: str, named: str) -> None:
    doc = {"name": "a", "count": 1, "flag": True} | change
    doc = {key: value for key, value in doc.items() if value is not ...}
    with pytest.raises(InvalidInput) as caught:
        fields(doc, "thing", SHAPE, {"note": str | None})
    assert caught.value.code == code and named in caught.value.message and "thing" in caught.value.message


def test_fields_of_no_object() -> None:
    with pytest.raises(InvalidInput, match=r"document\.type"):
        fields([], "thing", {})
