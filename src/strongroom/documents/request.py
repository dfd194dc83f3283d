"""Signed requests: a service's HTTP body as it was sent, with the RS256 token (JWT) that it came with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from strongroom.documents.base64 import decode_base64url
from strongroom.documents.canonical import fields, parse_loose
from strongroom.documents.credentials import Credential, Kind
from strongroom.documents.envelope import Envelope
from strongroom.documents.rs256 import verify_rs256
from strongroom.documents.statement import Statement, statement_hash
from strongroom.errors import InvalidInput, Refused

REQUEST_TYPE: Final = "application/vnd.strongroom.request.v1+json"
"""The payload type of an envelope that holds a request: the raw body, and the token as its one signature."""

URI: Final = "/v1/requests/transfers"
EARLY_MS, LATE_MS = 30_000, 120_000  # how far a service's clock may be off

_CLAIMS: Final = {"uri": str, "nonce": str | int, "iat": int, "exp": int, "sub": str, "bodyHash": str}
_LARGEST_NONCE: Final = 2**64 - 1  # integrators' libraries draw 63 bits


def client_id(workspace: str, key: str) -> str:
    """How a service calls itself in its tokens: SHA-256 hex of the workspace id and the key id, 32 bytes each."""
    return hashlib.sha256(bytes.fromhex(workspace) + bytes.fromhex(key)).hexdigest()


def read_token(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """The claims of a token in its compact form, and its signature, NOT verified.

    Raises InvalidInput jwt.malformed, document.*, Refused jwt.alg.
    """
    try:
        header, claims, signature = (decode_base64url(part) for part in raw.decode().split("."))
    except (ValueError, InvalidInput):
        raise InvalidInput("jwt.malformed", "a token has three parts in base64url") from None
    head = parse_loose(header)
    if head.get("alg") != "RS256":
        raise Refused("jwt.alg", "a request is signed by RS256, whatever its token says")
    fields(head, "the token's header", {"alg": str}, {"typ": str, "kid": str})
    return fields(parse_loose(claims, max_integer=_LARGEST_NONCE), "the token", _CLAIMS), signature


def verify_request(envelope: Envelope, credential: Credential, workspace: str) -> dict[str, Any]:
    """The token's claims, once it is the key's, for this body, call and workspace; raises Refused jwt.*."""
    if len(envelope.signatures) != 1:
        raise Refused("statement.signature_count", "a request carries exactly one token")
    token = envelope.signatures[0][1]
    claims, signature = read_token(token)
    if credential.kind is not Kind.RS256:
        raise Refused("jwt.alg", "the key signs statements, and no requests")
    verify_rs256(credential.public, token.rpartition(b".")[0], signature)
    if claims["sub"] != client_id(workspace, credential.key_id):
        raise Refused("statement.other_workspace", "the token was made for another workspace or by another key")
    if claims["uri"] != URI:
        raise Refused("jwt.uri", f"the token is for another call than {URI}")
    if claims["bodyHash"] != hashlib.sha256(envelope.payload).hexdigest():
        raise Refused("jwt.body_hash", "the token was made for another body")
    return claims


def require_time(claims: Mapping[str, Any], time: int) -> None:
    """Raises Refused jwt.issued_later or jwt.expired_at_entry_time unless the token held at `time` (unix ms)."""
    if time < claims["iat"] * 1000 - EARLY_MS:
        raise Refused("jwt.issued_later", "the token was issued later than now")
    if time > claims["exp"] * 1000 + LATE_MS:
        raise Refused("jwt.expired_at_entry_time", "the token had ended when its entry was made")


def requested(envelope: Envelope, person: str, workspace: str) -> Statement:
    """The statement that a request amounts to, NOT verified: its body is the intent, in any spelling of JSON."""
    key, intent = envelope.signatures[0][0], parse_loose(envelope.payload)
    return Statement(workspace, "transfer.propose", intent, None, None, person, key, None)


def proposal_hash(envelope: Envelope) -> str:
    """The id of the transfer that a proposal opens: SHA-256 hex of a statement, or of a request's token and body."""
    if envelope.payload_type != REQUEST_TYPE:
        return statement_hash(envelope)
    return hashlib.sha256(b"\n".join((envelope.signatures[0][1], envelope.payload))).hexdigest()
