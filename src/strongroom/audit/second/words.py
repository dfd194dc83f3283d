"""Method calls word by word, as the contract ABI lays static arguments out, and constraints on what they say."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from strongroom._core import keccak256
from strongroom.audit.second.facts import Document

_WORD = 32


@lru_cache(maxsize=1024)
def selector(method: str) -> bytes:
    """The first four bytes of a call of `name(type,…)`."""
    return keccak256(method.encode())[:4]


def arguments(method: str, data: bytes) -> list[str] | None:
    """The arguments of a call of `method` as the page writes them; None if the data is not exactly such a call."""
    inside = method[method.index("(") + 1 : -1]
    types = inside.split(",") if inside else []
    if data[:4] != selector(method) or len(data) != 4 + _WORD * len(types):
        return None
    found = []
    for index, kind in enumerate(types):
        text = _written(kind, data[4 + _WORD * index : 4 + _WORD * (index + 1)])
        if text is None:
            return None
        found.append(text)
    return found


def _written(kind: str, word: bytes) -> str | None:
    number = int.from_bytes(word, "big")
    if kind == "address":
        return "0x" + word[12:].hex() if number < 1 << 160 else None
    if kind == "bool":
        return ("false", "true")[number] if number < 2 else None
    if kind.startswith("uint"):
        return str(number) if number < 1 << int(kind[4:]) else None
    size = int(kind.removeprefix("bytes"))
    return "0x" + word[:size].hex() if not any(word[size:]) else None


def spelled(kind: str, text: object) -> bool:
    """Whether a text is a value of an atomic EIP-712 type, written as the page writes arguments."""
    if not isinstance(text, str):
        return False
    if kind == "string":
        return True
    if kind == "bool":
        return text in ("true", "false")
    if kind == "address":
        return re.fullmatch("0x[0-9a-f]{40}", text) is not None
    if kind.startswith("uint"):
        return re.fullmatch("0|[1-9][0-9]{0,77}", text) is not None and int(text) < 1 << int(kind[4:])
    if re.fullmatch("0x(?:[0-9a-f]{2})*", text) is None:
        return False
    return kind == "bytes" or len(text) == 2 + 2 * int(kind.removeprefix("bytes"))


def satisfied(constraint: Document, text: str, own: Callable[[str], bool]) -> bool:
    """Whether an argument is what the constraint asks; `own` tells of an address whether it is an own usable one."""
    if "is" in constraint:
        return text in constraint["is"]
    if constraint.get("own_wallet"):
        return own(text)
    number = int(text)
    return int(constraint.get("min", 0)) <= number and ("max" not in constraint or number <= int(constraint["max"]))
