"""A passkey's way to a statement: what it is asked, and the envelope of what it answers."""

from __future__ import annotations

import pytest

from strongroom.documents.base64 import decode_base64url
from strongroom.documents.canonical import encode
from strongroom.documents.statement import Statement, verify_statement
from strongroom.errors import InvalidInput, Refused
from strongroom.passkeys.enrolment import enrolment_statement, prove
from strongroom.passkeys.statements import answered, question
from tests.passkeys import SoftPasskey

WORKSPACE = "ab" * 32
PASSKEY = SoftPasskey("http://localhost:7700", seed="statements")


def statement(**changes: object) -> Statement:
    fields = {"workspace": WORKSPACE, "kind": "transfer.reject", "subject": {"transfer": "00"}, "obligations": None}
    fields |= {"seen": None, "person": "bob", "key": PASSKEY.key_id, "not_after": None, **changes}
    return Statement(**fields)  # type: ignore[arg-type]


def test_the_answer_to_the_question_is_the_signed_statement() -> None:
    asked = question(statement(), [PASSKEY.credential])
    answer = PASSKEY.assertion(decode_base64url(asked["challenge"]))
    envelope = answered(encode(statement().to_doc()), answer)
    assert verify_statement(envelope, PASSKEY.credential) == statement()
    other = answered(encode(statement(person="eve").to_doc()), answer)
    with pytest.raises(Refused, match=r"webauthn\.challenge"):
        verify_statement(other, PASSKEY.credential)


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", encode({"kind": "x"})])
def test_what_is_no_statement_makes_no_envelope(payload: bytes) -> None:
    with pytest.raises(InvalidInput):
        answered(payload, PASSKEY.assertion(bytes(32)))


def test_an_enrolment_is_proven_by_the_key_itself_for_its_person_and_workspace() -> None:
    asked = question(enrolment_statement("bob", PASSKEY.credential, WORKSPACE), [PASSKEY.credential])
    answer = PASSKEY.assertion(decode_base64url(asked["challenge"]))
    assert prove("bob", PASSKEY.credential, WORKSPACE, answer).credential == PASSKEY.credential
    for person, workspace in (("eve", WORKSPACE), ("bob", "cd" * 32)):
        with pytest.raises(Refused, match=r"webauthn\.challenge"):
            prove(person, PASSKEY.credential, workspace, answer)
