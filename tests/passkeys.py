"""A passkey in software: makes registrations and assertions as a browser and its authenticator would, or lies."""

from __future__ import annotations

import hashlib
import json
from secrets import token_hex
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, derive_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from webauthn.helpers import encode_cbor

from strongroom.documents.base64 import base64url
from strongroom.documents.credentials import Credential, Kind, Surface
from strongroom.documents.passkey import Passkey, challenge_of
from strongroom.passkeys.assertion import evidence_of

PRESENT, VERIFIED, MAY_BE_SYNCED, HOLDS_A_KEY = 0x01, 0x04, 0x08, 0x40


class SoftPasskey:
    """One passkey of one page: another each time, or the one of its `seed`, so that a test replays exactly.

    It stands wherever tests sign statements with a SigningKey: it has `credential`, `key_id` and `sign`.
    """

    def __init__(
        self, origin: str, rp_id: str = "localhost", surface: str = "console", *, backup_eligible: bool = False,
        seed: str = "",
    ) -> None:  # fmt: skip
        secret = hashlib.sha256(f"{seed or token_hex()} {origin} {rp_id}".encode()).digest()
        self._private = derive_private_key(int.from_bytes(secret, "big") >> 1, SECP256R1())
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        passkey = Passkey(secret[:16], rp_id, origin, backup_eligible)
        self.credential = Credential(point, Kind.WEBAUTHN, Surface(surface), passkey)

    @property
    def key_id(self) -> str:
        """The key id of the public half."""
        return self.credential.key_id

    def sign(self, message: bytes, /, **lies: Any) -> bytes:
        """The evidence of an assertion over the message; `lies` are those of `assertion`."""
        return evidence_of(self.assertion(challenge_of(message), **lies))

    def assertion(self, challenge: bytes, /, **lies: Any) -> dict[str, Any]:
        """What a page's `assertion` answers; lies of the authenticator: `rp_id`, `up`, `uv`, `be`, `flags`, `more`.

        Lies of the browser: `type`, `challenge`, `origin`, `cross_origin`, `members` (more of them), `client_data`.
        """
        head = self._authenticator_data(**lies)
        client = self._client_data("webauthn.get", challenge, **lies)
        signature = self._private.sign(head + hashlib.sha256(client).digest(), ECDSA(SHA256(), True))
        parts = {"authenticatorData": head, "clientDataJSON": client, "signature": signature}
        return self._answer(parts)

    def registration(self, challenge: bytes = bytes(32), /, **lies: Any) -> dict[str, Any]:
        """What a page's `register` answers; lies as those of `assertion`."""
        numbers, identity = self._private.public_key().public_numbers(), self._passkey.id
        key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(identity).to_bytes(2, "big") + identity + encode_cbor(key)
        head = self._authenticator_data(**{"flags": HOLDS_A_KEY, "more": attested, **lies})
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": head})
        client = self._client_data("webauthn.create", challenge, **lies)
        return self._answer({"clientDataJSON": client, "attestationObject": attestation})

    @property
    def _passkey(self) -> Passkey:
        assert self.credential.passkey
        return self.credential.passkey

    def _authenticator_data(self, **lies: Any) -> bytes:
        flags = lies.get("flags", 0)
        flags |= PRESENT * lies.get("up", True) | VERIFIED * lies.get("uv", True)
        flags |= MAY_BE_SYNCED * lies.get("be", self._passkey.backup_eligible)
        counter = lies.get("counter", 0).to_bytes(4, "big")
        relying_party = hashlib.sha256(lies.get("rp_id", self._passkey.rp_id).encode()).digest()
        return relying_party + bytes([flags]) + counter + bytes(lies.get("more", b""))

    def _client_data(self, kind: str, asked: bytes, **lies: Any) -> bytes:
        found = {
            "type": lies.get("type", kind),
            "challenge": base64url(lies.get("challenge", asked)),
            "origin": lies.get("origin", self._passkey.origin),
            "crossOrigin": lies.get("cross_origin", False),
            **lies.get("members", {}),
        }
        text: bytes = lies.get("client_data", json.dumps(found, separators=(",", ":")).encode())
        return text

    def _answer(self, parts: dict[str, bytes]) -> dict[str, Any]:
        name = base64url(self._passkey.id)
        response = {part: base64url(data) for part, data in parts.items()}
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
