"""Using a passkey: the options for `navigator.credentials.get`, and the evidence in its answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from strongroom.documents.base64 import base64url, decode_base64url, encode_base64
from strongroom.documents.canonical import encode, fields
from strongroom.documents.credentials import Credential
from strongroom.errors import InvalidInput, Refused
from strongroom.passkeys.registration import PATIENCE, named

_ANSWER: Final = {"id": str, "response": dict}
_EVIDENCE: Final = {
    "authenticator_data": "authenticatorData", "client_data": "clientDataJSON", "signature": "signature",
}  # fmt: skip
_RESPONSE: Final = dict.fromkeys(_EVIDENCE.values(), str)


def assertion_options(challenge: bytes, credentials: Iterable[Credential] = ()) -> dict[str, Any]:
    """What a page asks the browser to sign with one of these passkeys; with none of them, any of the page's own.

    The challenge of a statement is `challenge_of(envelope.pae())`.
    """
    allowed = named(credentials)
    return {"challenge": base64url(challenge), "allowCredentials": allowed, "userVerification": "required", **PATIENCE}


def evidence_of(assertion: object) -> bytes:
    """What an envelope holds as the signature, from a browser's answer; nothing is verified. Raises InvalidInput."""
    response = fields(_answer(assertion)["response"], "the assertion", _RESPONSE, {"userHandle": str | None})
    return encode({name: encode_base64(_bytes(response[there])) for name, there in _EVIDENCE.items()})


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
        return decode_base64url(text)
    except InvalidInput:
        raise InvalidInput("webauthn.malformed", "the browser's answer is not base64url") from None
