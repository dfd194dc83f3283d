"""Verification of finished signatures by libraries other than the one that made them."""

from __future__ import annotations

from typing import Final

from coincurve import PublicKey, PublicKeyXOnly
from coincurve.ecdsa import cdata_to_der, deserialize_compact
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from strongroom.errors import Refused

ECDSA_SCHEMES: Final = frozenset({"ecdsa-dkls23"})
HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half of the order of secp256k1 (SEC 2, §2.4.1): the highest low-S (BIP-62 rule 5, EIP-2)."""


def verify_signature(scheme: str, public_key: bytes, digest: bytes, signature: bytes) -> None:
    """Raise Refused `signature.invalid` unless the 64-byte signature over the 32-byte digest is the key's."""
    try:
        valid = len(signature) == 64 and len(digest) == 32 and _verifies(scheme, public_key, digest, signature)
    except (ValueError, InvalidSignature) as error:
        raise Refused("signature.invalid", f"the {scheme} signature or its key is malformed") from error
    if not valid:
        raise Refused("signature.invalid", f"the {scheme} signature does not verify under the key")


def _verifies(scheme: str, public_key: bytes, digest: bytes, signature: bytes) -> bool:
    match scheme:
        case "ecdsa-dkls23":
            low = int.from_bytes(signature[32:], "big") <= HALF_ORDER
            der = cdata_to_der(deserialize_compact(signature))
            return low and PublicKey(public_key).verify(der, digest, hasher=None)
        case "bip340-frost":
            return PublicKeyXOnly(public_key[-32:]).verify(signature, digest)
        case "ed25519-frost":
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, digest)
            return True
    return False
