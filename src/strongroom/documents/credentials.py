"""Credentials: Ed25519 public keys named by their hash, and the signing keys of tools and services."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_hex
from strongroom.documents.proofs import proven
from strongroom.errors import InvalidInput, Refused

_MAX_KEY_FILE: Final = 4096
_FIELD: Final = 2**255 - 19
# y of the eight points of small order: under such a key one signature fits any message, or one in a few.
_ORDER_8: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER: Final = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})


def key_id(public: bytes) -> str:
    """The only name of a key: SHA-256 hex of "ed25519:" and the public key in hex."""
    return hashlib.sha256(b"ed25519:" + public.hex().encode()).hexdigest()


@lru_cache(maxsize=4096)
def _verifier(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


@dataclass(frozen=True, slots=True)
class Credential:
    """A public key that statements are verified with; raises InvalidInput credential.public, credential.kind.

    The library takes any 32 bytes. An unreduced y would give one key two names and a point of small order
    verifies what nobody signed: both are refused here.
    """

    public: bytes
    kind: str = "ed25519"
    key_id: str = field(init=False)

    def __post_init__(self) -> None:
        if self.kind != "ed25519":
            raise InvalidInput("credential.kind", "the kind of credential is not known")
        if len(self.public) != 32:
            raise InvalidInput("credential.public", "an Ed25519 public key has 32 bytes")
        y = int.from_bytes(self.public, "little") % 2**255
        if y >= _FIELD or y in _SMALL_ORDER:
            raise InvalidInput("credential.public", "the public key is not canonical or has small order")
        object.__setattr__(self, "key_id", key_id(self.public))

    def to_doc(self) -> dict[str, Any]:
        """`{"kind": "ed25519", "public": hex}`."""
        return {"kind": self.kind, "public": self.public.hex()}

    @classmethod
    def from_doc(cls, doc: object) -> Credential:
        """The credential of to_doc's form, hex in lower case."""
        found = fields(doc, "credential", {"kind": str, "public": str})
        return cls(parse_hex(found["public"], 32, "credential.public"), found["kind"])

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises Refused credential.bad_signature unless the signature is this key's over the message."""
        if len(signature) == 64 and proven("ed25519", self.public, signature, message):
            return
        try:
            _verifier(self.public).verify(signature, message)
        except InvalidSignature:
            raise Refused("credential.bad_signature", f"no valid signature of {self.key_id[:16]}") from None


class SigningKey:
    """An Ed25519 private key; its text form shows the key id only."""

    __slots__ = ("_private", "credential")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.credential = Credential(private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SigningKey({self.credential.key_id})"

    @property
    def key_id(self) -> str:
        """The key id of the public half."""
        return self.credential.key_id

    def sign(self, message: bytes) -> bytes:
        """64 bytes; callers sign the pre-authentication encoding or a checkpoint, never bare digests."""
        return self._private.sign(message)

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """The key in a PKCS8 PEM file; raises InvalidInput credential.file, credential.file_mode."""
        try:
            # A pipe must not block; what is checked is what was opened, not what the path names by then.
            with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
                status = os.fstat(file.fileno())
                pem = file.read(_MAX_KEY_FILE) if stat.S_ISREG(status.st_mode) else b""
        except OSError as error:
            raise InvalidInput("credential.file", f"cannot open {path}: {error.strerror}") from None
        if status.st_mode & 0o077:
            raise InvalidInput("credential.file_mode", f"others may read {path}", f"chmod 600 {path}")
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            private = None  # neither the cause nor its text may quote the file
        if not isinstance(private, Ed25519PrivateKey):
            raise InvalidInput("credential.file", f"{path} holds no unencrypted Ed25519 key in PKCS8 PEM")
        return cls(private)

    def pem(self) -> bytes:
        """The private key as unencrypted PKCS8 PEM: for its key file, and for nothing else."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
