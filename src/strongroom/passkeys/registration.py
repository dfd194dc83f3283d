"""Making a passkey: the options for `navigator.credentials.create`, and the credential in its answer."""

from __future__ import annotations

from collections.abc import Iterable
from secrets import token_bytes
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from webauthn import verify_registration_response
from webauthn.helpers import decode_credential_public_key
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import CredentialDeviceType

from strongroom.documents.base64 import base64url, decode_base64url
from strongroom.documents.canonical import parse_loose
from strongroom.documents.credentials import Credential, Kind, Surface
from strongroom.documents.passkey import Passkey, check_client_data
from strongroom.errors import InvalidInput

_ALGORITHMS: Final = [COSEAlgorithmIdentifier.ECDSA_SHA_256]


PATIENCE: Final = {"timeout": 300_000}
"""How long a browser asks, in ms: people fetch their authenticators."""


def registration_options(person: str, rp_id: str, known: Iterable[Credential] = ()) -> dict[str, Any]:
    """What a page asks the browser to make for a person; authenticators that hold a `known` passkey refuse."""
    return {
        "rp": {"id": rp_id, "name": "Strongroom"},
        "user": {"id": base64url(token_bytes(32)), "name": person, "displayName": person},
        "challenge": base64url(token_bytes(32)),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm.value} for algorithm in _ALGORITHMS],
        "excludeCredentials": named(known),
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "required"},
        "attestation": "none",
        **PATIENCE,
    }


def named(credentials: Iterable[Credential]) -> list[dict[str, str]]:
    """The passkeys among the credentials, as options name them."""
    return [{"type": "public-key", "id": base64url(key.passkey.id)} for key in credentials if key.passkey]


def credential_of(registration: object, origin: str, rp_id: str, surface: Surface) -> Credential:
    """The credential that a browser has made on the page at `origin`; raises InvalidInput, Refused webauthn.*.

    The challenge of a registration proves nothing about the key: what counts is the enrolment's proof, by the key.
    """
    try:
        raw = decode_base64url(registration["response"]["clientDataJSON"])  # type: ignore[index]
        challenge = decode_base64url(parse_loose(raw)["challenge"])
        check_client_data(raw, "webauthn.create", challenge, origin)
        made = verify_registration_response(
            credential=registration,  # type: ignore[arg-type]
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=_ALGORITHMS,
        )
        key = decode_credential_public_key(made.credential_public_key)
    except (WebAuthnException, ValueError, LookupError, TypeError, AttributeError):
        raise InvalidInput("webauthn.registration", "the browser's answer registers no passkey") from None
    synced = made.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    return Credential(_compressed(key), Kind.WEBAUTHN, surface, Passkey(made.credential_id, rp_id, origin, synced))


def _compressed(key: object) -> bytes:
    if not isinstance(key, DecodedEC2PublicKey):
        raise InvalidInput("webauthn.registration", "the passkey is no P-256 key")
    x, y = int.from_bytes(key.x, "big"), int.from_bytes(key.y, "big")
    try:
        point = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    except ValueError:
        raise InvalidInput("webauthn.registration", "the passkey's key is no point of P-256") from None
    return point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
