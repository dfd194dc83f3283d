"""Envelopes: strict DSSE, one signature per key, one spelling of base64."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.base64 import encode_base64
from strongroom.documents.canonical import parse_loose
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope, sign
from strongroom.errors import InvalidInput, Refused, StrongroomError

KEY, OTHER = SigningKey.generate(), SigningKey.generate()

envelopes = st.builds(
    Envelope,
    st.binary(max_size=100),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128),
    st.lists(
        st.tuples(st.binary(min_size=32, max_size=32).map(bytes.hex), st.binary(max_size=80)),
        min_size=1, max_size=5, unique_by=lambda pair: pair[0],
    ).map(tuple),
)  # fmt: skip


@given(envelopes)
def test_round_trip(envelope: Envelope) -> None:
    assert Envelope.from_doc(envelope.to_doc()) == envelope


def test_pae_is_that_of_the_dsse_specification() -> None:
    envelope = Envelope(b"hello world", "http://example.com/HelloWorld", ())
    assert envelope.pae() == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_signatures_are_named_by_their_key_and_bound_to_type_and_payload() -> None:
    envelope = sign(b"payload", "a/b", KEY, OTHER)
    assert [name for name, _ in envelope.signatures] == [KEY.key_id, OTHER.key_id]
    envelope.verify(KEY.credential)
    envelope.verify(OTHER.credential)
    for changed in (
        Envelope(b"payloae", "a/b", envelope.signatures),
        Envelope(b"payload", "a/c", envelope.signatures),
        Envelope(b"dpayload", "a/b", envelope.signatures),
        Envelope(b"payload", "a/b", ((KEY.key_id, envelope.signatures[1][1]),)),
    ):
        with pytest.raises(Refused, match=r"credential\.bad_signature"):
            changed.verify(KEY.credential)
    with pytest.raises(Refused, match=r"envelope\.not_signed"):
        envelope.verify(SigningKey.generate().credential)


def test_one_key_under_two_names_or_twice_is_refused() -> None:
    doc = sign(b"payload", "a/b", KEY).to_doc()
    twice = doc | {"signatures": doc["signatures"] * 2}
    with pytest.raises(InvalidInput, match=r"envelope\.duplicate_key"):
        Envelope.from_doc(twice)
    renamed = Envelope.from_doc(doc | {"signatures": [{"keyid": "ab" * 32, "sig": doc["signatures"][0]["sig"]}]})
    with pytest.raises(Refused, match=r"envelope\.not_signed"):
        renamed.verify(KEY.credential)


def broken(**change: Any) -> dict[str, Any]:
    return {**sign(b"payload", "a/b", KEY).to_doc(), **change}


@pytest.mark.parametrize(
    ("doc", "code"),
    [
        (broken(signatures=[]), "envelope.signature_count"),
        (
            broken(signatures=[{"keyid": f"{n:064x}", "sig": ""} for n in range(65)]),
            "envelope.signature_count",
        ),
        (broken(signatures=[{"keyid": "AB" * 32, "sig": ""}]), "hash.syntax"),
        (broken(signatures=[{"keyid": "ab" * 32}]), "document.missing_field"),
        (broken(signatures=[{"keyid": "ab" * 32, "sig": "", "cert": ""}]), "document.unknown_field"),
        (broken(signatures=[None]), "document.type"),
        (
            broken(signatures=[{"keyid": "ab" * 32, "sig": encode_base64(bytes(4097))}]),
            "envelope.signature_size",
        ),
        (broken(payloadType=""), "envelope.payload_type"),
        (broken(payloadType="a b"), "envelope.payload_type"),
        (broken(payloadType="a/b\n"), "envelope.payload_type"),
        (broken(payload="YQ"), "base64.syntax"),
        (broken(extra=1), "document.unknown_field"),
        (None, "document.type"),
    ],
)
def test_refused_with_its_code(doc: object, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Envelope.from_doc(doc)
    assert caught.value.code == code


KEYS = st.sampled_from(["payload", "payloadType", "signatures", "keyid", "sig", "x"])
LEAVES = st.none() | st.integers() | st.text(max_size=8) | st.just("ab" * 32)
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


@given(ANYTHING)
def test_any_document_is_an_envelope_or_a_coded_refusal(doc: object) -> None:
    try:
        assert Envelope.from_doc(doc).to_doc() == doc
    except StrongroomError as error:
        assert "." in error.code


def test_a_repeated_field_is_refused_before_the_envelope_is_read() -> None:
    with pytest.raises(InvalidInput, match=r"document\.duplicate_key"):
        parse_loose(b'{"payload":"","payload":"YQ==","payloadType":"a/b","signatures":[]}')
