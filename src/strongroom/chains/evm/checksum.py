"""EIP-55: the spelling of addresses for people, read and written at the edge only."""

from __future__ import annotations

import re
from typing import Final

from strongroom.documents.keccak import keccak256
from strongroom.errors import InvalidInput

_ADDRESS: Final = re.compile(r"0x[0-9A-Fa-f]{40}", re.ASCII)


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
