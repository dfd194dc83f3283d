"""Passkeys: what a WebAuthn assertion must say to be its holder's signature over a message."""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

from strongroom.documents.base64 import decode_base64, encode_base64
from strongroom.documents.canonical import encode, fields, parse, parse_loose
from strongroom.errors import InvalidInput, Refused

_RELYING_PARTY: Final = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_ORIGIN: Final = re.compile(r"https?://([a-z0-9.-]{1,253})(?::[1-9][0-9]{0,4})?")
_MAX_ID: Final = 1023  # bytes, by the standard
_ASSERTION: Final = {"authenticator_data": str, "client_data": str, "signature": str}
# Authenticator data of an assertion: SHA-256 of the relying party, one byte of flags, a counter.
_AUTHENTICATOR_DATA: Final = 32 + 1 + 4
_PRESENT, _VERIFIED, _MAY_BE_SYNCED, _IS_SYNCED, _MORE_FOLLOWS = 0x01, 0x04, 0x08, 0x10, 0xC0


@dataclass(frozen=True, slots=True)
class Passkey:
    """Where a passkey was registered, its id there, and whether it may be synced; raises InvalidInput credential.*."""

    id: bytes
    rp_id: str
    origin: str
    backup_eligible: bool

    def __post_init__(self) -> None:
        if not 1 <= len(self.id) <= _MAX_ID:
            raise InvalidInput("credential.id", f"the id of a passkey has 1 to {_MAX_ID} bytes")
        if not _RELYING_PARTY.fullmatch(self.rp_id):
            raise InvalidInput("credential.rp_id", "a relying party is a domain in lower case")
        origin = _ORIGIN.fullmatch(self.origin)
        if not origin or not f".{origin[1]}".endswith(f".{self.rp_id}"):
            raise InvalidInput("credential.origin", "the origin is no web address of the relying party")
        if origin[1] != "localhost" and not self.origin.startswith("https:"):
            raise InvalidInput("credential.origin", "only a page on this machine may do without TLS")


@lru_cache(maxsize=4096)
def uncompressed(public: bytes) -> bytes:
    """A compressed P-256 point (33 bytes) in its long form (65 bytes); raises InvalidInput credential.public."""
    try:
        point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
    except ValueError:
        point = None
    if point is None or len(public) != 33:
        raise InvalidInput("credential.public", "the public key of a passkey is a compressed point of P-256")
    return point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def base64url(data: bytes) -> str:
    """Without padding, as browsers write it."""
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=\n").decode()


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def challenge_of(message: bytes) -> bytes:
    """What an authenticator is asked to sign for a message: its SHA-256."""
    return hashlib.sha256(message).digest()


def evidence(authenticator_data: bytes, client_data: bytes, signature: bytes) -> bytes:
    """An assertion as the signature bytes of an envelope hold it: canonical JSON of base64 texts."""
    parts = {"authenticator_data": authenticator_data, "client_data": client_data, "signature": signature}
    return encode({name: encode_base64(data) for name, data in parts.items()})


def verify_assertion(passkey: Passkey, public: bytes, message: bytes, signature: bytes) -> None:
    """Raises Refused webauthn.*, credential.backup_eligible or credential.bad_signature unless the evidence holds."""
    try:
        doc = fields(parse(signature), "assertion", _ASSERTION)
        authenticator_data, client_data, signed = (decode_base64(doc[name]) for name in _ASSERTION)
    except InvalidInput:
        raise Refused("webauthn.malformed", "the evidence is no assertion of a passkey") from None
    challenge = challenge_of(message)
    check_client_data(client_data, "webauthn.get", challenge, passkey.origin)
    _check_authenticator(authenticator_data, passkey)
    response = AuthenticatorAssertionResponse(client_data, authenticator_data, signed)
    try:
        verify_authentication_response(
            credential=AuthenticationCredential(base64url(passkey.id), passkey.id, response),
            expected_challenge=challenge,
            expected_rp_id=passkey.rp_id,
            expected_origin=passkey.origin,
            credential_public_key=uncompressed(public),
            credential_current_sign_count=0,  # verifiers differ in what they have seen: counters decide nothing
            require_user_verification=True,
        )
    except WebAuthnException:
        raise Refused("credential.bad_signature", "no valid signature of the passkey") from None


def check_client_data(raw: bytes, kind: str, challenge: bytes, origin: str) -> None:
    """What the browser says that it did; browsers may add members of their own. Raises Refused webauthn.*."""
    found = client_data(raw)
    if found.get("type") != kind:
        raise Refused("webauthn.type", f"the browser was not asked for {kind}")
    if found.get("challenge") != base64url(challenge):
        raise Refused("webauthn.challenge", "the passkey was asked to sign something else")
    if found.get("origin") != origin:
        raise Refused("webauthn.origin", f"the passkey was used on another page than {origin}")
    if found.get("crossOrigin", False) is not False or "topOrigin" in found:
        raise Refused("webauthn.cross_origin", "the passkey was used in a frame of another page")


def client_data(raw: bytes) -> dict[str, Any]:
    """The object in a browser's clientDataJSON; raises Refused webauthn.malformed."""
    try:
        return parse_loose(raw)
    except InvalidInput:
        raise Refused("webauthn.malformed", "the client data are no JSON that has one meaning") from None


def _check_authenticator(data: bytes, passkey: Passkey) -> None:
    if len(data) != _AUTHENTICATOR_DATA or data[32] & _MORE_FOLLOWS:
        raise Refused("webauthn.malformed", "authenticator data of an assertion end after the counter")
    flags = data[32]
    if data[:32] != hashlib.sha256(passkey.rp_id.encode()).digest():
        raise Refused("webauthn.relying_party", f"the passkey was not used for {passkey.rp_id}")
    if not flags & _PRESENT:
        raise Refused("webauthn.user_not_present", "nobody touched the authenticator")
    if not flags & _VERIFIED:
        raise Refused("webauthn.user_not_verified", "the authenticator did not ask who was there")
    if bool(flags & _MAY_BE_SYNCED) is not passkey.backup_eligible:
        raise Refused("credential.backup_eligible", "whether the passkey may be synced is not as it was registered")
    if flags & _IS_SYNCED and not flags & _MAY_BE_SYNCED:
        raise Refused("webauthn.malformed", "a passkey that may not be synced says that it was")
