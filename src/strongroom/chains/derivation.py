"""Public child derivation (BIP-32, CKDpub): deposit addresses under one key, non-hardened only."""

from __future__ import annotations

import hashlib
import hmac

from coincurve import PublicKey

from strongroom.errors import Refused


def child_public_key(public_key: bytes, chain_code: bytes | None, path: tuple[int, ...]) -> bytes:
    """The compressed child key (33 bytes) at `path`; raises Refused for hardened steps or a missing chain code."""
    for step in path:
        if chain_code is None or not 0 <= step < 2**31:
            raise Refused("key.path", "only non-hardened children of a key with a chain code can be derived")
        tweak = hmac.digest(chain_code, public_key + step.to_bytes(4, "big"), hashlib.sha512)
        public_key, chain_code = PublicKey(public_key).add(tweak[:32]).format(), tweak[32:]
    return public_key
