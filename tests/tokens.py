"""A service in software that signs its requests with RS256 as integrators' libraries do, or lies."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.documents.base64 import base64url
from strongroom.documents.credentials import Credential, Kind
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import REQUEST_TYPE, URI, client_id


@lru_cache
def rsa_key(name: str) -> RSAPrivateKey:
    """One key for each name and run: making one is slow."""
    return generate_private_key(65537, 2048)


def segment(document: dict[str, Any]) -> bytes:
    """A part of a token."""
    return base64url(json.dumps(document).encode()).encode()


class SoftService:
    """One RS256 key, and what is signed with it."""

    def __init__(self, name: str = "exchange") -> None:
        self.private = rsa_key(name)
        public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.credential = Credential(public, Kind.RS256)
        self._nonce = 0

    def token(self, body: bytes, workspace: str, now: int, **lies: Any) -> bytes:
        """A token for a body at `now` (unix ms) of 55 s; lies are claims, `header`, or `unsigned` bytes at the end."""
        self._nonce += 1
        claims = {
            "uri": URI,
            "nonce": f"nonce-{self._nonce}",
            "iat": now // 1000,
            "exp": now // 1000 + 55,
            "sub": client_id(workspace, self.credential.key_id),
            "bodyHash": hashlib.sha256(body).hexdigest(),
        }
        header = lies.pop("header", {"alg": "RS256", "typ": "JWT"})
        return self.signed(segment(header) + b"." + segment({**claims, **lies}))

    def signed(self, parts: bytes) -> bytes:
        """Header and claims with this key's signature over them."""
        return parts + b"." + base64url(self.private.sign(parts, PKCS1v15(), SHA256())).encode()

    def request(self, body: bytes, workspace: str, now: int, **lies: Any) -> Envelope:
        """The request as the log holds it."""
        token = self.token(body, workspace, now, **lies)
        return Envelope(body, REQUEST_TYPE, ((self.credential.key_id, token),))
