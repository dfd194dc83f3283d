"""I1: a signature counts only for the workspace, kind and subject in its bytes."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.canonical import encode
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope, sign
from strongroom.documents.statement import (
    Seen,
    Statement,
    from_envelope,
    payload_type,
    sign_statement,
    statement_hash,
    verify_statement,
)
from strongroom.errors import InvalidInput, Refused, StrongroomError

KEY, OTHER = SigningKey.generate(), SigningKey.generate()
STATEMENT = Statement(
    workspace="aa" * 32, kind="transfer.approve", subject={"intent": "bb" * 32}, obligations="cc" * 32,
    seen=Seen(7, "dd" * 32), person="alice", key=KEY.key_id, not_after=1_800_000_000_000,
)  # fmt: skip

hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
slugs = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)
statements = st.builds(
    Statement,
    workspace=st.none() | hashes,
    kind=slugs,
    subject=st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=5), st.none() | st.integers(0, 9), max_size=3
    ),
    obligations=st.none() | hashes,
    seen=st.none() | st.builds(Seen, st.integers(1, 2**53 - 1), hashes),
    person=slugs,
    key=st.just(KEY.key_id),
    not_after=st.none() | st.integers(0, 2**53 - 1),
)


@given(statements)
def test_round_trip(statement: Statement) -> None:
    envelope = sign_statement(statement, KEY)
    assert from_envelope(envelope) == statement == verify_statement(envelope, KEY.credential)
    assert envelope.payload_type == f"application/vnd.strongroom.{statement.kind}.v1+json"
    assert statement_hash(envelope) == hashlib.sha256(envelope.payload).hexdigest()


@pytest.mark.parametrize(
    "change",
    [{"workspace": "ab" * 32}, {"workspace": None}, {"subject": {}}, {"obligations": None}, {"seen": None},
     {"seen": Seen(8, "dd" * 32)}, {"person": "bob"}, {"not_after": None}],
    ids=str,
)  # fmt: skip
def test_a_signature_does_not_carry_over_to_other_content(change: dict[str, Any]) -> None:
    signatures = sign_statement(STATEMENT, KEY).signatures
    payload = encode(dataclasses.replace(STATEMENT, **change).to_doc())
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        verify_statement(Envelope(payload, payload_type(STATEMENT.kind), signatures), KEY.credential)


def test_no_kind_passes_for_another() -> None:
    envelope = sign_statement(STATEMENT, KEY)
    renamed = Envelope(envelope.payload, payload_type("transfer.cancel"), envelope.signatures)
    with pytest.raises(Refused, match=r"statement\.wrong_kind"):
        from_envelope(renamed)
    payload = encode(dataclasses.replace(STATEMENT, kind="transfer.cancel").to_doc())
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        verify_statement(Envelope(payload, renamed.payload_type, envelope.signatures), KEY.credential)


def test_the_key_named_inside_is_the_one_that_signs() -> None:
    with pytest.raises(Refused, match=r"statement\.key_mismatch"):
        sign_statement(STATEMENT, OTHER)
    payload, kind = encode(STATEMENT.to_doc()), payload_type(STATEMENT.kind)
    with pytest.raises(Refused, match=r"statement\.key_mismatch"):
        from_envelope(sign(payload, kind, OTHER))
    with pytest.raises(Refused, match=r"statement\.signature_count"):
        from_envelope(sign(payload, kind, KEY, OTHER))
    with pytest.raises(Refused, match=r"statement\.signature_count"):
        from_envelope(Envelope(payload, kind, ()))
    with pytest.raises(Refused, match=r"statement\.key_mismatch"):
        verify_statement(sign_statement(STATEMENT, KEY), OTHER.credential)
    forged = Envelope(payload, kind, ((KEY.key_id, OTHER.sign(b"")),))
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        verify_statement(forged, KEY.credential)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"workspace": "AA" * 32}, "hash.syntax"),
        ({"workspace": 1}, "document.type"),
        ({"kind": "Transfer"}, "slug.syntax"),
        ({"subject": []}, "document.type"),
        ({"obligations": "cc"}, "hash.syntax"),
        ({"seen": {"size": 0, "root": "dd" * 32}}, "statement.seen"),
        ({"seen": {"size": True, "root": "dd" * 32}}, "document.type"),
        ({"seen": {"size": 1}}, "document.missing_field"),
        ({"seen": {"size": 1, "root": "dd"}}, "hash.syntax"),
        ({"person": "Alice Smith"}, "slug.syntax"),
        ({"key": "alice"}, "hash.syntax"),
        ({"not_after": -1}, "statement.not_after"),
        ({"not_after": "1"}, "document.type"),
        ({"extra": 1}, "document.unknown_field"),
    ],
)
def test_refused_shapes(change: dict[str, Any], code: str) -> None:
    doc = STATEMENT.to_doc() | change
    with pytest.raises(InvalidInput) as caught:
        from_envelope(sign(encode(doc), payload_type("transfer.approve"), KEY))
    assert caught.value.code == code


@pytest.mark.parametrize("name", list(STATEMENT.to_doc()))
def test_every_field_is_there_even_when_null(name: str) -> None:
    doc = STATEMENT.to_doc()
    del doc[name]
    with pytest.raises(InvalidInput, match=r"document\.missing_field"):
        Statement.from_doc(doc)


def test_only_canonical_payloads_count() -> None:
    spaced = encode(STATEMENT.to_doc()).replace(b'"kind":', b'"kind": ')
    with pytest.raises(InvalidInput, match=r"document\.not_canonical"):
        verify_statement(sign(spaced, payload_type(STATEMENT.kind), KEY), KEY.credential)


def test_nothing_is_signed_that_would_not_be_read() -> None:
    with pytest.raises(InvalidInput, match=r"slug\.syntax"):
        sign_statement(dataclasses.replace(STATEMENT, person="Alice Smith"), KEY)
    with pytest.raises(InvalidInput, match=r"document\.float"):
        sign_statement(dataclasses.replace(STATEMENT, subject={"amount": 1.5}), KEY)


def test_require_checks_kind_workspace_and_time() -> None:
    deadline = STATEMENT.not_after or 0
    STATEMENT.require("transfer.approve", "aa" * 32, deadline)
    for kind, workspace, time, code in (
        ("transfer.cancel", "aa" * 32, 0, "statement.wrong_kind"),
        ("transfer.approve", "ab" * 32, 0, "statement.other_workspace"),
        ("transfer.approve", None, 0, "statement.other_workspace"),
        ("transfer.approve", "aa" * 32, deadline + 1, "statement.expired"),
    ):
        with pytest.raises(Refused) as caught:
            STATEMENT.require(kind, workspace, time)
        assert caught.value.code == code
    dataclasses.replace(STATEMENT, not_after=None).require("transfer.approve", "aa" * 32, 2**53)


@given(st.binary(max_size=100) | st.just(encode(STATEMENT.to_doc())), st.text(max_size=30), st.booleans())
def test_any_envelope_is_a_statement_or_a_coded_refusal(payload: bytes, kind: str, named: bool) -> None:
    envelope = sign(payload, payload_type(STATEMENT.kind) if named else kind, KEY)
    try:
        assert verify_statement(envelope, KEY.credential) == STATEMENT
    except StrongroomError as error:
        assert "." in error.code
