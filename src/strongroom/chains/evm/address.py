"""Addresses: lower-case hex inside, EIP-55 checksums accepted at the edge."""

from __future__ import annotations

import re
from typing import Final

from coincurve import PublicKey

from strongroom.chains.evm.keccak import keccak256
from strongroom.errors import InvalidInput

ZERO: Final = "0x" + "00" * 20

_ADDRESS: Final = re.compile(r"0x[0-9A-Fa-f]{40}", re.ASCII)
_CANONICAL: Final = re.compile(r"0x[0-9a-f]{40}", re.ASCII)


def is_canonical(text: str) -> bool:
    """Whether it is an address in the one spelling used inside: 0x and 40 lower-case hex digits."""
    return _CANONICAL.fullmatch(text) is not None


def parse_address(text: object) -> str:
    """The lower-case spelling of a lower-case or EIP-55 address; raises address.syntax, address.checksum."""
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text):
        raise InvalidInput("address.syntax", "an address is 0x and 40 hex digits")
    lower = text.lower()
    if text not in (lower, checksum(lower)):
        raise InvalidInput(
            "address.checksum",
            "the address is mixed case and its EIP-55 checksum is wrong",
            "compare it digit by digit with its source: one of them is mistyped",
        )
    return lower


def checksum(address: str) -> str:
    """The EIP-55 spelling of a lower-case address."""
    digits = address[2:]
    nibbles = keccak256(digits.encode("ascii")).hex()
    return "0x" + "".join(d.upper() if n >= "8" else d for d, n in zip(digits, nibbles, strict=False))


def address_of(public_key: bytes) -> str:
    """The account of a secp256k1 public key, 33 or 65 bytes SEC 1; raises InvalidInput address.public_key."""
    try:
        point = PublicKey(public_key).format(compressed=False)
    except ValueError as error:
        raise InvalidInput("address.public_key", "not a point of secp256k1 in 33 or 65 bytes") from error
    return "0x" + keccak256(point[1:])[12:].hex()
