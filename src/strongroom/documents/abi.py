"""Arguments of contract calls: methods by signature, one word of 32 bytes for each argument, one spelling for each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from strongroom.documents.amount import parse_amount
from strongroom.documents.keccak import keccak256
from strongroom.documents.names import parse_hex
from strongroom.errors import InvalidInput

WORD: Final = 32
SELECTOR: Final = 4

_UINT: Final = "|".join(str(bits) for bits in range(8, 257, 8))
_ELEMENTARY: Final = re.compile(rf"address|bool|uint(?:{_UINT})|bytes(?:[1-9]|[12][0-9]|3[0-2])")
_METHOD: Final = re.compile(r"([A-Za-z_$][A-Za-z0-9_$]{0,99})\(([a-z0-9,]*)\)")


@dataclass(frozen=True, slots=True)
class Method:
    """A contract's method: its signature, first four bytes of calldata, and the types of its arguments."""

    signature: str
    selector: bytes
    types: tuple[str, ...]


def is_elementary(kind: str) -> bool:
    """Whether it is one of the types that fill one word: address, bool, uint8…256, bytes1…32."""
    return _ELEMENTARY.fullmatch(kind) is not None


def selector_of(signature: str) -> bytes:
    """The first four bytes of calldata that call a method of any types."""
    return keccak256(signature.encode())[:SELECTOR]


def parse_method(text: object) -> Method:
    """The method of `name(type,…)`; raises InvalidInput method.syntax."""
    match = _METHOD.fullmatch(text) if isinstance(text, str) else None
    types = tuple(match.group(2).split(",")) if match and match.group(2) else ()
    if match is None or not all(map(is_elementary, types)):
        raise InvalidInput("method.syntax", "a method is name(type,…) of address, bool, uint8…256 and bytes1…32")
    return Method(match.group(), selector_of(match.group()), types)


def word_of(kind: str, text: object) -> bytes:
    """The 32 bytes of an argument: lower-case 0x… of address and bytes, a decimal number, true or false.

    Raises InvalidInput argument.syntax on any other spelling, and on what the type cannot hold.
    """
    if kind == "bool":
        if text in ("true", "false"):
            return (text == "true").to_bytes(WORD, "big")
    elif kind.startswith("uint"):
        number = parse_amount(text)
        if number < 1 << int(kind[4:]):
            return number.to_bytes(WORD, "big")
    elif is_elementary(kind) and isinstance(text, str) and text.startswith("0x"):
        if kind == "address":
            return parse_hex(text[2:], 20, "argument.syntax").rjust(WORD, b"\0")
        return parse_hex(text[2:], int(kind[5:]), "argument.syntax").ljust(WORD, b"\0")
    raise InvalidInput("argument.syntax", f"the argument is no {kind} in its one spelling")


def text_of(kind: str, word: bytes) -> str:
    """The spelling of an argument's 32 bytes; raises InvalidInput argument.* unless word_of gives them back."""
    if kind == "bool":
        text = "true" if word[-1] else "false"
    elif kind.startswith("uint"):
        text = str(int.from_bytes(word, "big"))
    else:
        text = "0x" + (word[12:] if kind == "address" else word[: int(kind[5:])]).hex()
    if word_of(kind, text) != word:
        raise InvalidInput("argument.padding", f"the word is not a {kind} padded as the ABI demands")
    return text


def words(method: Method, data: bytes) -> tuple[str, ...]:
    """The arguments that calldata gives a method, as they are spelled.

    Raises InvalidInput argument.count unless it calls the method with exactly one word for each, argument.*.
    """
    if data[:SELECTOR] != method.selector or len(data) != SELECTOR + WORD * len(method.types):
        raise InvalidInput("argument.count", f"the data is not {method.signature} with one word for each argument")
    starts = range(SELECTOR, len(data), WORD)
    return tuple(text_of(kind, data[at : at + WORD]) for kind, at in zip(method.types, starts, strict=True))
