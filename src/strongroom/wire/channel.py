"""The end-to-end channel between two signers in one session: the relay sees sealed bytes only."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.documents.credentials import Credential, SigningKey
from strongroom.errors import Refused
from strongroom.wire.handshake import signed_bytes

MAX_MESSAGE: Final = 256 * 1024  # the core's cap on one message
MAX_SEALED: Final = MAX_MESSAGE + 64 + 1 + 16  # with the signature, the flag and the tag


def agree(private: X25519PrivateKey, peer: str) -> bytes:
    """X25519 of this boot's key and the peer's logged one (hex); raises Refused channel.exchange_key."""
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(peer)))
    except ValueError:  # malformed, or a point of small order
        raise Refused("channel.exchange_key", "the peer's key-agreement key is no usable point") from None


class Channel:
    """Both directions with one peer in one session; `agreed` comes from agree(), `session` is 32 bytes in hex.

    HKDF-SHA256 (RFC 5869) gives each direction its own key, ChaCha20-Poly1305 (RFC 8439) seals with the number
    of the message as nonce; inside stand an Ed25519 signature by the sender's identity, a flag, and the message.
    """

    def __init__(
        self, workspace: str, session: str, me: SigningKey, names: tuple[str, str], theirs: Credential, agreed: bytes
    ) -> None:
        self._workspace, self._session, self._me, self._theirs = workspace, session, me, theirs
        self._name, self._peer = names
        self._sealing, self._opening = self._cipher(agreed, *names), self._cipher(agreed, *reversed(names))

    def _cipher(self, agreed: bytes, sender: str, recipient: str) -> ChaCha20Poly1305:
        info = signed_bytes("peer channel", workspace=self._workspace, sender=sender, recipient=recipient)
        derived = HKDF(SHA256(), length=32, salt=bytes.fromhex(self._session), info=info).derive(agreed)
        return ChaCha20Poly1305(derived)

    def seal(self, seq: int, broadcast: bool, message: bytes) -> bytes:
        """The bytes to send as number `seq`; a number is used once."""
        signature = self._me.sign(self._signed(self._name, self._peer, seq, broadcast, message))
        inside = signature + (b"\x01" if broadcast else b"\x00") + message
        return self._sealing.encrypt(seq.to_bytes(12, "big"), inside, None)

    def open(self, seq: int, sealed: bytes) -> tuple[bool, bytes]:
        """Whether it was broadcast, and the message; raises Refused channel.not_authentic, credential.bad_signature."""
        try:
            inside = self._opening.decrypt(seq.to_bytes(12, "big"), sealed, None) if len(sealed) <= MAX_SEALED else b""
        except (InvalidTag, OverflowError):
            inside = b""
        if len(inside) < 65 or inside[64] > 1:
            raise Refused("channel.not_authentic", f"the bytes are no message of '{self._peer}' in this session")
        broadcast, message = inside[64] == 1, inside[65:]
        self._theirs.verify(self._signed(self._peer, self._name, seq, broadcast, message), inside[:64])
        return broadcast, message

    def _signed(self, sender: str, recipient: str, seq: int, broadcast: bool, message: bytes) -> bytes:
        return signed_bytes(
            "peer message",
            workspace=self._workspace,
            session=self._session,
            sender=sender,
            recipient=recipient,
            seq=seq,
            broadcast=broadcast,
            message=hashlib.sha256(message).hexdigest(),
        )
