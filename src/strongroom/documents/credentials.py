"""Credentials: public keys of three kinds named by their hash, and the signing keys of tools and services."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_hex
from strongroom.documents.passkey import Passkey, p256_key, verify_assertion
from strongroom.documents.proofs import proven
from strongroom.documents.rs256 import rsa_key
from strongroom.errors import InvalidInput, Refused

_MAX_KEY_FILE: Final = 4096
_FIELD: Final = 2**255 - 19
# y of the eight points of small order: under such a key one signature fits any message, or one in a few.
_ORDER_8: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER: Final = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})


class Kind(StrEnum):
    """What a credential is: who may hold which stands in the policy's page."""

    ED25519 = "ed25519"
    WEBAUTHN = "webauthn"
    RS256 = "rs256"


class Surface(StrEnum):
    """Where a key is used; it belongs to the key and is adopted with it."""

    CONSOLE = "console"
    APPROVER = "approver"


_PLAIN: Final = {"kind": str, "public": str}
_PASSKEY: Final = {**_PLAIN, "id": str, "rp_id": str, "origin": str, "surface": str, "backup_eligible": bool}


def key_id(public: bytes, kind: str = Kind.ED25519) -> str:
    """The only name of a key: SHA-256 hex of its kind, a colon, and the public key in hex."""
    return hashlib.sha256(f"{kind}:{public.hex()}".encode()).hexdigest()


@lru_cache(maxsize=4096)
def _verifier(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def _check_ed25519(public: bytes) -> None:
    """The library takes any 32 bytes. An unreduced y would give one key two names and a point of small order
    verifies what nobody signed: both are refused here."""
    if len(public) != 32:
        raise InvalidInput("credential.public", "an Ed25519 public key has 32 bytes")
    y = int.from_bytes(public, "little") % 2**255
    if y >= _FIELD or y in _SMALL_ORDER:
        raise InvalidInput("credential.public", "the public key is not canonical or has small order")


@dataclass(frozen=True, slots=True)
class Credential:
    """A public key that statements or requests are verified with; raises InvalidInput credential.*.

    `public` is an Ed25519 key (32 bytes), a passkey's compressed P-256 point (33) or an RSA key in DER.
    """

    public: bytes
    kind: Kind = Kind.ED25519
    surface: Surface = Surface.CONSOLE
    passkey: Passkey | None = None
    key_id: str = field(init=False)

    def __post_init__(self) -> None:
        if self.kind is Kind.WEBAUTHN:
            p256_key(self.public)
        elif self.kind is Kind.RS256:
            rsa_key(self.public)
        else:
            _check_ed25519(self.public)
        object.__setattr__(self, "key_id", key_id(self.public, self.kind))

    @property
    def device_bound(self) -> bool:
        """Whether it is a passkey that cannot leave its authenticator."""
        return self.passkey is not None and not self.passkey.backup_eligible

    def to_doc(self) -> dict[str, Any]:
        """`{"kind", "public"}`, and what else its kind has; an Ed25519 key's surface where it is not the console."""
        doc = {"kind": self.kind.value, "public": self.public.hex()}
        if self.passkey:
            return {**doc, **asdict(self.passkey), "id": self.passkey.id.hex(), "surface": self.surface.value}
        return doc if self.surface is Surface.CONSOLE else {**doc, "surface": self.surface.value}

    @classmethod
    def from_doc(cls, doc: object) -> Credential:
        """The credential of to_doc's form, hex in lower case."""
        kind = doc.get("kind") if type(doc) is dict else None
        if kind not in tuple(Kind):
            raise InvalidInput("credential.kind", "the kind of credential is not known")
        optional = {"surface": str} if kind == Kind.ED25519 else None
        found = fields(doc, "credential", _PASSKEY if kind == Kind.WEBAUTHN else _PLAIN, optional)
        surface = found.get("surface", Surface.CONSOLE)
        if surface not in tuple(Surface):
            raise InvalidInput("credential.surface", f"a surface is {' or '.join(Surface)}")
        passkey = None
        if kind == Kind.WEBAUTHN:
            identity = parse_hex(found["id"], code="credential.id")
            passkey = Passkey(identity, found["rp_id"], found["origin"], found["backup_eligible"])
        public = parse_hex(found["public"], code="credential.public")
        return cls(public, Kind(kind), Surface(surface), passkey)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises Refused unless the signature is this key's over the message; a passkey's is an assertion."""
        if self.passkey:
            return verify_assertion(self.passkey, self.public, message, signature)
        if self.kind is Kind.RS256:
            raise Refused("credential.requests_only", "an RS256 key signs requests, and no statement")
        if len(signature) == 64 and proven("ed25519", self.public, signature, message):
            return None
        try:
            _verifier(self.public).verify(signature, message)
        except InvalidSignature:
            raise Refused("credential.bad_signature", f"no valid signature of {self.key_id[:16]}") from None


def plain_key(doc: object) -> Credential:
    """An Ed25519 credential without a surface: what machines have, and what everybody had under fold rules 1."""
    credential = Credential.from_doc(fields(doc, "credential", _PLAIN))
    if credential.kind is not Kind.ED25519:
        raise InvalidInput("credential.kind", "here an Ed25519 key is asked for")
    return credential


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
