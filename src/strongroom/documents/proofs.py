"""Signatures that the core has verified already: one bounded memory, asked before a signature is verified again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

_MOST: Final = 1 << 16
_proven: Final = set[bytes]()


def remember(proofs: Sequence[bytes]) -> None:
    """Take over what the core has verified, each signature by the hash that `proven` makes of it."""
    if len(_proven) + len(proofs) > _MOST:
        _proven.clear()  # they are only a saving: what is forgotten is verified again
    _proven.update(proofs)


def proven(kind: str, *parts: bytes) -> bool:
    """Whether SHA-256(kind || 0x00 || parts) is remembered; a kind fixes the lengths of all parts but the last.

    `ed25519`: public key (32), signature (64), message. `secp256k1`: digest (32), r || s (64), parity (1), account.
    """
    return hashlib.sha256(b"\0".join((kind.encode(), b"".join(parts)))).digest() in _proven
