"""Addresses in the one spelling used inside: lower-case hex."""

from __future__ import annotations

import re
from typing import Final

from coincurve import PublicKey

from strongroom.documents.keccak import keccak256
from strongroom.errors import InvalidInput

ZERO: Final = "0x" + "00" * 20

_CANONICAL: Final = re.compile(r"0x[0-9a-f]{40}", re.ASCII)


def is_canonical(text: str) -> bool:
    """Whether it is an address in the one spelling used inside: 0x and 40 lower-case hex digits."""
    return _CANONICAL.fullmatch(text) is not None


def address_of(public_key: bytes) -> str:
    """The account of a secp256k1 public key, 33 or 65 bytes SEC 1; raises InvalidInput address.public_key."""
    try:
        point = PublicKey(public_key).format(compressed=False)
    except ValueError as error:
        raise InvalidInput("address.public_key", "not a point of secp256k1 in 33 or 65 bytes") from error
    return "0x" + keccak256(point[1:])[12:].hex()
