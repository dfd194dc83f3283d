"""DSSE envelopes: payload bytes, their type, and signatures under keys named by their hash."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from securesystemslib.dsse import Envelope as DsseEnvelope

from strongroom.documents.base64 import decode_base64, encode_base64
from strongroom.documents.canonical import fields
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.documents.names import parse_hash
from strongroom.errors import InvalidInput, Refused

MAX_SIGNATURES: Final = 64
MAX_SIGNATURE_BYTES: Final = 4096
_PAYLOAD_TYPE: Final = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Signed bytes; signatures are pairs of key id and signature, not yet verified."""

    payload: bytes
    payload_type: str
    signatures: tuple[tuple[str, bytes], ...]

    def pae(self) -> bytes:
        """What is signed: the DSSE v1 pre-authentication encoding."""
        return DsseEnvelope(self.payload, self.payload_type, {}).pae()

    def verify(self, credential: Credential) -> None:
        """Raises Refused envelope.not_signed or credential.bad_signature unless the credential signed it."""
        for name, signature in self.signatures:
            if name == credential.key_id:
                return credential.verify(self.pae(), signature)
        raise Refused("envelope.not_signed", f"no signature by key {credential.key_id[:16]}")

    def to_doc(self) -> dict[str, Any]:
        """The DSSE JSON form."""
        return {
            "payload": encode_base64(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": name, "sig": encode_base64(sig)} for name, sig in self.signatures],
        }

    @classmethod
    def from_doc(cls, doc: object) -> Envelope:
        """Strict DSSE JSON: 1 to 64 signatures, no key twice; raises InvalidInput envelope.*, document.*."""
        found = fields(doc, "envelope", {"payload": str, "payloadType": str, "signatures": list})
        if not _PAYLOAD_TYPE.fullmatch(found["payloadType"]):
            raise InvalidInput("envelope.payload_type", "a payload type has 1 to 128 printable characters")
        if not 1 <= len(found["signatures"]) <= MAX_SIGNATURES:
            raise InvalidInput("envelope.signature_count", f"there are 1 to {MAX_SIGNATURES} signatures")
        signatures = tuple(_signature(item) for item in found["signatures"])
        if len({name for name, _ in signatures}) != len(signatures):
            raise InvalidInput("envelope.duplicate_key", "an envelope holds two signatures of one key")
        return cls(decode_base64(found["payload"]), found["payloadType"], signatures)


def _signature(doc: object) -> tuple[str, bytes]:
    found = fields(doc, "signature", {"keyid": str, "sig": str})
    signature = decode_base64(found["sig"])
    if len(signature) > MAX_SIGNATURE_BYTES:
        raise InvalidInput("envelope.signature_size", f"a signature has at most {MAX_SIGNATURE_BYTES} bytes")
    return parse_hash(found["keyid"]), signature


def sign(payload: bytes, payload_type: str, *keys: SigningKey) -> Envelope:
    """An envelope signed by each key, under the id that follows from the key."""
    message = Envelope(payload, payload_type, ()).pae()
    return Envelope(payload, payload_type, tuple((key.key_id, key.sign(message)) for key in keys))
