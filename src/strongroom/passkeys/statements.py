"""Statements and passkeys: what a browser is asked to sign of one, and the envelope that its answer makes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from strongroom.documents.canonical import encode, parse
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.passkey import challenge_of
from strongroom.documents.statement import Statement, payload_type
from strongroom.passkeys.assertion import assertion_options, evidence_of


def question(statement: Statement, credentials: Iterable[Credential]) -> dict[str, Any]:
    """What a page asks the browser, so that one of these passkeys signs the statement."""
    envelope = Envelope(encode(statement.to_doc()), payload_type(statement.kind), ())
    return assertion_options(challenge_of(envelope.pae()), credentials)


def answered(payload: bytes, assertion: object) -> Envelope:
    """The statement of these bytes with the browser's answer as its signature; nothing is verified.

    Raises InvalidInput.
    """
    statement = Statement.from_doc(parse(payload))
    return Envelope(payload, payload_type(statement.kind), ((statement.key, evidence_of(assertion)),))
