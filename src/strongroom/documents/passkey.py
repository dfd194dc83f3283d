"""Passkeys: what a WebAuthn assertion must say to be its holder's signature over a message.

The library that reads registrations would check less of an assertion, and bring CBOR and ASN.1 into every signer:
tests hold it against this page instead.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from strongroom.documents.base64 import base64url, decode_base64
from strongroom.documents.canonical import fields, parse, parse_loose
from strongroom.errors import InvalidInput, Refused

_HOST: Final = r"([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)"
# Only a page on this machine may do without TLS.
_ORIGIN: Final = re.compile(rf"(?:https://|http://(?=localhost(?:$|:))){_HOST}(?::[1-9][0-9]{{0,4}})?")
_ASSERTION: Final = {"authenticator_data": str, "client_data": str, "signature": str}
# Authenticator data of an assertion: SHA-256 of the relying party, one byte of flags, a counter.
_AUTHENTICATOR_DATA: Final = 32 + 1 + 4
_PRESENT, _VERIFIED, _MAY_BE_SYNCED, _IS_SYNCED, _MORE_FOLLOWS = 0x01, 0x04, 0x08, 0x10, 0xC0


@dataclass(frozen=True, slots=True)
class Passkey:
    """Where a passkey was registered, its id there, and whether it may be synced; raises InvalidInput."""

    id: bytes
    rp_id: str
    origin: str
    backup_eligible: bool

    def __post_init__(self) -> None:
        origin = _ORIGIN.fullmatch(self.origin)
        if not self.rp_id or not origin or not f".{origin[1]}".endswith(f".{self.rp_id}"):
            raise InvalidInput("credential.origin", "the origin is no web address of the relying party")


@lru_cache(maxsize=4096)
def p256_key(public: bytes) -> EllipticCurvePublicKey:
    """The key of a compressed P-256 point (33 bytes); raises InvalidInput credential.public."""
    try:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public if len(public) == 33 else b"")
    except ValueError:
        raise InvalidInput("credential.public", "a passkey's public key is a compressed point of P-256") from None


def challenge_of(message: bytes) -> bytes:
    """What an authenticator is asked to sign for a message: its SHA-256."""
    return hashlib.sha256(message).digest()


def verify_assertion(passkey: Passkey, public: bytes, message: bytes, signature: bytes) -> None:
    """Raises Refused webauthn.*, credential.backup_eligible or credential.bad_signature unless the evidence holds."""
    try:
        doc = fields(parse(signature), "assertion", _ASSERTION)
        authenticator_data, client_data, signed = (decode_base64(doc[name]) for name in _ASSERTION)
    except InvalidInput:
        raise Refused("webauthn.malformed", "the evidence is no assertion of a passkey") from None
    check_client_data(client_data, "webauthn.get", challenge_of(message), passkey.origin)
    _check_authenticator(authenticator_data, passkey)
    try:  # no counters: verifiers differ in what they have seen
        p256_key(public).verify(signed, authenticator_data + hashlib.sha256(client_data).digest(), ECDSA(SHA256()))
    except InvalidSignature:
        raise Refused("credential.bad_signature", "no valid signature of the passkey") from None


def check_client_data(raw: bytes, kind: str, challenge: bytes, origin: str) -> None:
    """What the browser says that it did; browsers may add members of their own. Raises Refused webauthn.*."""
    try:
        found = parse_loose(raw)
    except InvalidInput:
        raise Refused("webauthn.malformed", "the client data are no JSON that has one meaning") from None
    if found.get("type") != kind:
        raise Refused("webauthn.type", f"the browser was not asked for {kind}")
    if found.get("challenge") != base64url(challenge):
        raise Refused("webauthn.challenge", "the passkey was asked to sign something else")
    if found.get("origin") != origin:
        raise Refused("webauthn.origin", f"the passkey was used on another page than {origin}")
    if found.get("crossOrigin", False) is not False or "topOrigin" in found:
        raise Refused("webauthn.cross_origin", "the passkey was used in a frame of another page")


def _check_authenticator(data: bytes, passkey: Passkey) -> None:
    flags = data[32] if len(data) == _AUTHENTICATOR_DATA else _MORE_FOLLOWS
    if flags & _MORE_FOLLOWS or (flags & _IS_SYNCED and not flags & _MAY_BE_SYNCED):
        raise Refused("webauthn.malformed", "no authenticator makes such data for an assertion")
    if data[:32] != hashlib.sha256(passkey.rp_id.encode()).digest():
        raise Refused("webauthn.relying_party", f"the passkey was not used for {passkey.rp_id}")
    if not flags & _PRESENT:
        raise Refused("webauthn.user_not_present", "nobody touched the authenticator")
    if not flags & _VERIFIED:
        raise Refused("webauthn.user_not_verified", "the authenticator did not ask who was there")
    if bool(flags & _MAY_BE_SYNCED) is not passkey.backup_eligible:
        raise Refused("credential.backup_eligible", "whether the passkey may be synced is not as it was registered")
