"""Using a passkey: the options for `navigator.credentials.get`, and the evidence in its answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from webauthn.helpers import base64url_to_bytes

from strongroom.documents.canonical import fields
from strongroom.documents.credentials import Credential
from strongroom.documents.passkey import base64url, evidence
from strongroom.errors import InvalidInput, Refused
from strongroom.passkeys.registration import PATIENCE, named

_ANSWER: Final = {"id": str, "response": dict}
_RESPONSE: Final = {"authenticatorData": str, "clientDataJSON": str, "signature": str}


def assertion_options(challenge: bytes, credentials: Iterable[Credential] = ()) -> dict[str, Any]:
    """What a page asks the browser to sign with one of these passkeys; with none of them, any of the page's own.

    The challenge of a statement is `challenge_of(envelope.pae())`.
    """
    allowed = named(credentials)
    return {"challenge": base64url(challenge), "allowCredentials": allowed, "userVerification": "required", **PATIENCE}


def evidence_of(assertion: object) -> bytes:
    """What an envelope holds as the signature, from a browser's answer; nothing is verified. Raises InvalidInput."""
    response = fields(_answer(assertion)["response"], "the assertion", _RESPONSE, {"userHandle": str | None})
    return evidence(*(_bytes(response[name]) for name in _RESPONSE))


def chosen(assertion: object, credentials: Iterable[Credential]) -> Credential:
    """The passkey that the browser's answer names; raises Refused webauthn.unknown_passkey."""
    name = _bytes(_answer(assertion)["id"])
    for credential in credentials:
        if credential.passkey and credential.passkey.id == name:
            return credential
    raise Refused("webauthn.unknown_passkey", "nobody has enrolled this passkey")


def _answer(assertion: object) -> dict[str, Any]:
    return fields(assertion, "the assertion", _ANSWER, {"rawId": str, "type": str})


def _bytes(text: str) -> bytes:
    try:
        data = base64url_to_bytes(text)
    except ValueError:
        data = b""
    if not data or base64url(data) != text:
        raise InvalidInput("webauthn.malformed", "the browser's answer is not base64url")
    return data
