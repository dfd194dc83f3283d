"""Signed requests: a token stands for one body, one call, one workspace and a short time; algorithms are pinned."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.base64 import base64url
from strongroom.documents.canonical import MAX_INTEGER
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import (
    REQUEST_TYPE,
    client_id,
    proposal_hash,
    read_token,
    requested,
    require_time,
    verify_request,
)  # fmt: skip
from strongroom.errors import InvalidInput, StrongroomError
from tests.tokens import SoftService, segment

WORKSPACE, NOW = "ab" * 32, 1_790_000_000_000
SERVICE = SoftService()
KEY = SERVICE.credential
BODY = b'{ "amount": "1", "to": "x" }'


def judged(envelope: Envelope, by: Credential = KEY, workspace: str = WORKSPACE, time: int = NOW) -> str:
    """The code of the refusal, or "" for none."""
    try:
        require_time(verify_request(envelope, by, workspace), time)
    except StrongroomError as refused:
        return refused.code
    return ""


def sent(body: bytes = BODY, **lies: Any) -> Envelope:
    return SERVICE.request(body, WORKSPACE, NOW, **lies)


def test_a_token_stands_for_its_body_and_the_body_for_the_intent() -> None:
    envelope = sent()
    assert judged(envelope) == "" and judged(Envelope.from_doc(envelope.to_doc())) == ""
    statement = requested(envelope, "exchange", WORKSPACE)
    assert statement.subject == {"amount": "1", "to": "x"} and statement.kind == "transfer.propose"
    assert (statement.person, statement.key) == ("exchange", KEY.key_id)


@pytest.mark.parametrize(
    ("lies", "code"),
    [
        ({"uri": "/v1/transfers"}, "jwt.uri"),
        ({"uri": "/v1/requests/transfers?x=1"}, "jwt.uri"),
        ({"sub": client_id("cd" * 32, KEY.key_id)}, "statement.other_workspace"),
        ({"sub": KEY.key_id}, "statement.other_workspace"),
        ({"sub": ""}, "statement.other_workspace"),
        ({"bodyHash": hashlib.sha256(b"{}").hexdigest()}, "jwt.body_hash"),
        ({"bodyHash": hashlib.sha256(BODY).hexdigest().upper()}, "jwt.body_hash"),
        ({"header": {"alg": "none"}}, "jwt.alg"),
        ({"header": {"alg": "RS512", "typ": "JWT"}}, "jwt.alg"),
        ({"header": {"alg": ["RS256"]}}, "jwt.alg"),
        ({"header": {"typ": "JWT"}}, "jwt.alg"),
        ({"header": {"alg": "RS256", "crit": ["b64"], "b64": False}}, "document.unknown_field"),
        ({"header": {"alg": "RS256", "jwk": {}}}, "document.unknown_field"),
        ({"nbf": 1}, "document.unknown_field"),
        ({"iat": "1790000000"}, "document.type"),
        ({"exp": True}, "document.type"),
        ({"exp": 1.5}, "document.float"),
        ({"nonce": None}, "document.type"),
        ({"nonce": 2**64}, "document.integer"),
    ],
)
def test_what_a_token_may_not_say(lies: dict[str, Any], code: str) -> None:
    assert judged(sent(**lies)) == code


def test_a_token_counts_from_half_a_minute_before_its_issue_to_two_minutes_after_its_end() -> None:
    envelope = sent()
    for time, code in (
        (NOW - 30_000, ""),
        (NOW - 30_001, "jwt.issued_later"),
        (NOW + 175_000, ""),
        (NOW + 175_001, "jwt.expired_at_entry_time"),
    ):
        assert judged(envelope, time=time) == code


def test_the_public_key_is_no_secret_of_an_hmac() -> None:
    parts = segment({"alg": "HS256", "typ": "JWT"}) + b"." + sent().signatures[0][1].split(b".")[1]
    forged = parts + b"." + base64url(hmac.digest(KEY.public, parts, "sha256")).encode()
    assert judged(Envelope(BODY, REQUEST_TYPE, ((KEY.key_id, forged),))) == "jwt.alg"


def test_another_key_s_token_and_a_changed_one() -> None:
    other = SoftService("other")
    envelope = other.request(BODY, WORKSPACE, NOW, sub=client_id(WORKSPACE, KEY.key_id))
    assert judged(envelope) == "credential.bad_signature"
    head, _, signature = sent().signatures[0][1].split(b".")
    changed = head + b"." + segment({}) + b"." + signature
    assert judged(Envelope(BODY, REQUEST_TYPE, ((KEY.key_id, changed),))) == "document.missing_field"
    swapped = b".".join((head, sent().signatures[0][1].split(b".")[1], signature))
    assert judged(Envelope(BODY, REQUEST_TYPE, ((KEY.key_id, swapped),))) == "credential.bad_signature"
    assert judged(sent(), SigningKey.generate().credential) == "jwt.alg"


@pytest.mark.parametrize("raw", [b"", b".", b"..", b"a.b", b"a.b.c.d", b"\xff.a.b", b"e30=.e30.e30"])
def test_a_token_has_three_parts_in_base64url(raw: bytes) -> None:
    with pytest.raises(StrongroomError) as caught:
        read_token(raw)
    assert caught.value.code in ("jwt.malformed", "document.syntax")


def test_a_token_with_two_meanings_is_refused() -> None:
    head, claims, _ = sent().signatures[0][1].split(b".")
    twice = SERVICE.signed(base64url(b'{"alg":"RS256","alg":"none"}').encode() + b"." + claims)
    with pytest.raises(InvalidInput, match=r"document\.duplicate_key"):
        read_token(twice)
    stray = head + b"." + claims[:-1] + (b"B" if claims.endswith(b"A") else b"A")
    assert judged(Envelope(BODY, REQUEST_TYPE, ((KEY.key_id, SERVICE.signed(stray)),))) != ""


def test_nonces_are_texts_or_numbers_as_libraries_draw_them() -> None:
    for nonce in ("6f1c", 7, MAX_INTEGER + 1, 2**63 - 1):
        envelope = sent(nonce=nonce)
        assert judged(envelope) == "" and read_token(envelope.signatures[0][1])[0]["nonce"] == nonce


def test_a_request_carries_one_token() -> None:
    envelope = sent()
    two = Envelope(BODY, REQUEST_TYPE, (*envelope.signatures, ("00" * 32, b"x")))
    assert judged(two) == "statement.signature_count"


def test_a_transfer_s_id_binds_token_and_body() -> None:
    envelope = sent()
    token = envelope.signatures[0][1]
    assert proposal_hash(envelope) == hashlib.sha256(token + b"\n" + BODY).hexdigest()
    assert proposal_hash(Envelope(b"{}", REQUEST_TYPE, envelope.signatures)) != proposal_hash(envelope)
    statement = Envelope(BODY, "application/json", envelope.signatures)
    assert proposal_hash(statement) == hashlib.sha256(BODY).hexdigest()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_token_or_refused_with_a_code(raw: bytes) -> None:
    assert judged(Envelope(BODY, REQUEST_TYPE, ((KEY.key_id, raw),)))
