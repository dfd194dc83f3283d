"""Statements: the only thing that people and services sign, bound to workspace, kind, subject, signer."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Final

from strongroom.documents.canonical import encode, fields, parse
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.documents.envelope import Envelope, sign
from strongroom.documents.names import parse_hash, parse_slug
from strongroom.errors import InvalidInput, Refused

_SHAPE: Final = {
    "workspace": str | None, "kind": str, "subject": dict, "obligations": str | None, "seen": dict | None,
    "person": str, "key": str, "not_after": int | None,
}  # fmt: skip
_SEEN_SHAPE: Final = {"size": int, "root": str}


def payload_type(kind: str) -> str:
    """The DSSE payload type of statements of a kind: no kind can pass for another."""
    return f"application/vnd.strongroom.{kind}.v1+json"


@dataclass(frozen=True, slots=True)
class Seen:
    """The quorum-cosigned head that the signer had seen: size in entries, root in lower-case hex."""

    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What was stated, by whom, until when (unix ms); workspace is None only inside the creation entry."""

    workspace: str | None
    kind: str
    subject: dict[str, Any]
    obligations: str | None
    seen: Seen | None
    person: str
    key: str
    not_after: int | None

    def to_doc(self) -> dict[str, Any]:
        """All eight fields, absent ones as null."""
        return asdict(self)

    @classmethod
    def from_doc(cls, doc: object) -> Statement:
        """The statement of to_doc's form; raises InvalidInput on a wrong shape or spelling."""
        found = fields(doc, "statement", _SHAPE)
        seen = None
        if found["seen"] is not None:
            head = fields(found["seen"], "seen", _SEEN_SHAPE)
            if head["size"] < 1:
                raise InvalidInput("statement.seen", "a head that was seen has at least one entry")
            seen = Seen(head["size"], parse_hash(head["root"]))
        if found["not_after"] is not None and found["not_after"] < 0:
            raise InvalidInput("statement.not_after", "a time is not negative")
        return cls(
            workspace=None if found["workspace"] is None else parse_hash(found["workspace"]),
            kind=parse_slug(found["kind"]),
            subject=found["subject"],
            obligations=None if found["obligations"] is None else parse_hash(found["obligations"]),
            seen=seen,
            person=parse_slug(found["person"]),
            key=parse_hash(found["key"]),
            not_after=found["not_after"],
        )

    def require(self, kind: str, workspace: str | None, time: int) -> None:
        """Raises Refused statement.wrong_kind, .other_workspace or .expired (time in unix ms)."""
        if self.kind != kind:
            raise Refused("statement.wrong_kind", f"the statement is {self.kind}, not {kind}")
        if self.workspace != workspace:
            raise Refused("statement.other_workspace", "the statement was made for another workspace")
        if self.not_after is not None and time > self.not_after:
            raise Refused("statement.expired", "the statement has expired")


def sign_statement(statement: Statement, signing_key: SigningKey) -> Envelope:
    """The statement in an envelope, once it reads back as given; its key must be the signing key's."""
    if statement.key != signing_key.key_id:
        raise Refused("statement.key_mismatch", "the statement names another key than the one that signs")
    doc = statement.to_doc()
    Statement.from_doc(doc)
    return sign(encode(doc), payload_type(statement.kind), signing_key)


def from_envelope(envelope: Envelope) -> Statement:
    """The statement inside, with one signature that names its key; the signature is NOT verified."""
    statement = Statement.from_doc(parse(envelope.payload))
    if envelope.payload_type != payload_type(statement.kind):
        raise Refused("statement.wrong_kind", "the payload type differs from the kind inside")
    if len(envelope.signatures) != 1:
        raise Refused("statement.signature_count", "a statement carries exactly one signature")
    if envelope.signatures[0][0] != statement.key:
        raise Refused("statement.key_mismatch", "the signature is by another key than the statement names")
    return statement


def verify_statement(envelope: Envelope, credential: Credential) -> Statement:
    """The statement, once the credential is the one it names and its signature is valid; raises Refused."""
    statement = from_envelope(envelope)
    if statement.key != credential.key_id:
        raise Refused("statement.key_mismatch", "the statement names another key")
    envelope.verify(credential)
    return statement


def statement_hash(envelope: Envelope) -> str:
    """SHA-256 hex of the payload bytes: what a statement counts once by."""
    return hashlib.sha256(envelope.payload).hexdigest()
