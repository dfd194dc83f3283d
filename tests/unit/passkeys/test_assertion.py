"""Using passkeys: options name the enrolled ones, and a browser's answer becomes an envelope's signature."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webauthn.helpers import parse_authentication_options_json

from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.passkey import challenge_of
from strongroom.errors import InvalidInput, Refused, StrongroomError
from strongroom.passkeys.assertion import assertion_options, chosen, evidence_of
from tests.passkeys import SoftPasskey

ORIGIN = "http://localhost:8420"
KEYS = [SoftPasskey(ORIGIN, seed=name) for name in ("alice", "bob")]
CREDENTIALS = [SigningKey.generate().credential, *(key.credential for key in KEYS)]


def test_options_name_the_passkeys_and_ask_who_is_there() -> None:
    document = {**assertion_options(b"c" * 32, CREDENTIALS), "rpId": "localhost"}
    options = parse_authentication_options_json(document)
    assert options.challenge == b"c" * 32 and options.user_verification == "required"
    assert options.allow_credentials and [each.id for each in options.allow_credentials] == [
        key.passkey.id for key in CREDENTIALS if key.passkey
    ]
    assert assertion_options(b"c" * 32)["allowCredentials"] == []


def test_the_answer_is_the_signature_of_an_envelope() -> None:
    bare = Envelope(b"{}", "text/plain", ())
    answer = KEYS[0].assertion(challenge_of(bare.pae()))
    credential = chosen(answer, CREDENTIALS)
    assert credential == KEYS[0].credential
    envelope = Envelope(bare.payload, bare.payload_type, ((credential.key_id, evidence_of(answer)),))
    envelope.verify(credential)
    Envelope.from_doc(envelope.to_doc()).verify(credential)
    with pytest.raises(Refused, match=r"webauthn\.unknown_passkey"):
        chosen(SoftPasskey(ORIGIN).assertion(b""), CREDENTIALS)


@pytest.mark.parametrize("text", ["a", "a+b/", "YQ==", "YR", "é", "a b"])
def test_bytes_have_one_spelling(text: str) -> None:
    answer = KEYS[0].assertion(b"")
    answer["response"]["signature"] = text
    with pytest.raises(InvalidInput, match=r"webauthn\.malformed"):
        evidence_of(answer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(JSON, st.sampled_from(["id", "response", "signature", "userHandle", ""]))
def test_any_answer_gives_evidence_or_a_code(value: Any, part: str) -> None:
    answer: Any = KEYS[0].assertion(b"")
    if not part:
        answer = value
    elif part in answer:
        answer[part] = value
    else:
        answer["response"][part] = value
    for read in (evidence_of, lambda found: chosen(found, CREDENTIALS)):
        try:
            read(answer)
        except StrongroomError as refused:
            assert refused.code
