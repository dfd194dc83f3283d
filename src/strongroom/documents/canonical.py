"""Canonical JSON (RFC 8785), restricted to what is exact: no floats, no integers beyond 2^53-1."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache, partial
from types import UnionType
from typing import Any, Final, NoReturn

import rfc8785

from strongroom import _core
from strongroom.errors import InvalidInput

MAX_BYTES: Final = 65536
MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53 - 1

# An unterminated string runs to the end, and nothing is given back: the scan is linear for any bytes.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def _shown(value: object) -> str:
    """Bounded, printable form of something hostile, for messages."""
    return ascii(value)[:80]


def _check_depth(data: bytes, max_depth: int) -> None:
    if data.count(b"[") + data.count(b"{") <= max_depth:
        return
    depth = 0
    for byte in _STRING.sub(b"", data).translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > max_depth:
            raise InvalidInput("document.too_deep", f"the document nests deeper than {max_depth}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInput("document.duplicate_key", "an object holds the same key twice")
    return found


def _integer(text: str, most: int = MAX_INTEGER) -> int:
    # The length goes first: int() on thousands of digits is slow or raises.
    if len(text) > 20 or not -most <= (value := int(text)) <= most:
        raise InvalidInput("document.integer", f"an integer lies beyond 2^{most.bit_length()}-1; amounts are strings")
    return value


def _float(text: str) -> NoReturn:
    raise InvalidInput("document.float", f"{_shown(text)} is not an integer")


@lru_cache(maxsize=8)
def _decoder(most: int) -> json.JSONDecoder:
    read = partial(_integer, most=most)
    return json.JSONDecoder(object_pairs_hook=_unique, parse_int=read, parse_float=_float, parse_constant=_float)


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)


def _serialize(doc: Any) -> bytes:
    """RFC 8785 bytes of a checked value.

    The C encoder writes exactly RFC 8785 for these types while keys are ASCII: it sorts by code point, the
    RFC by UTF-16 unit, alike for ASCII keys. Anything else goes to rfc8785 (tests compare both).
    """
    try:
        text = _ENCODER.encode(doc)
        return text.encode() if text.isascii() else rfc8785.dumps(doc)
    except ValueError as error:  # lone surrogates
        raise InvalidInput("document.syntax", "a string is not well-formed Unicode") from error


def _check(value: Any, depth: int) -> None:
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise InvalidInput("document.integer", "an integer lies beyond 2^53-1; amounts are strings")
    elif isinstance(value, dict | list | tuple):
        if depth == 0:
            raise InvalidInput("document.too_deep", f"the document nests deeper than {MAX_DEPTH}")
        if isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(key, str):
                    raise InvalidInput("document.type", "the keys of an object are strings")
                _check(item, depth - 1)
        else:
            for item in value:
                _check(item, depth - 1)
    elif isinstance(value, float):
        raise InvalidInput("document.float", "a document holds no floats")
    else:
        raise InvalidInput("document.type", f"a document cannot hold {type(value).__name__}")


def encode(doc: dict[str, Any]) -> bytes:
    """Canonical bytes of an object; raises InvalidInput document.* on floats, unsafe integers, depth."""
    if not isinstance(doc, dict):
        raise InvalidInput("document.not_object", "a document is an object")
    _check(doc, MAX_DEPTH)
    return _serialize(doc)


def parse_loose(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_integer: int = MAX_INTEGER
) -> dict[str, Any]:
    """The object in JSON bytes that need not be canonical (HTTP edge); raises InvalidInput document.*."""
    if len(data) > max_bytes:
        raise InvalidInput("document.too_large", f"the document is longer than {max_bytes} bytes")
    _check_depth(data, max_depth)
    try:
        doc = _decoder(max_integer).decode(data.decode())
    except ValueError:  # its text and its chain would quote the input
        raise InvalidInput("document.syntax", "the bytes are not JSON in UTF-8") from None
    if type(doc) is not dict:
        raise InvalidInput("document.not_object", "a document is an object")
    if b"\\u" in data:
        _serialize(doc)  # an escape can spell a lone surrogate
    return doc


def parse(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """The object in canonical bytes: encode(parse(data)) == data; raises InvalidInput document.*.

    The core reads what is canonical; whatever it does not take is judged here, and refused with its reason.
    """
    doc = _core.parse(data, max_depth) if len(data) <= max_bytes else None
    return parse_explained(data, max_bytes=max_bytes, max_depth=max_depth) if doc is None else doc


def parse_explained(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """What `parse` says of any bytes, by the definition of canonical form: slower, and it knows what is wrong."""
    doc = parse_loose(data, max_bytes=max_bytes, max_depth=max_depth)
    if _serialize(doc) != data:
        raise InvalidInput("document.not_canonical", "the bytes are not the canonical form (RFC 8785)")
    return doc


def digest(doc: dict[str, Any]) -> str:
    """SHA-256 of the canonical bytes, lower-case hex."""
    return hashlib.sha256(encode(doc)).hexdigest()


Shape = type | UnionType  # what isinstance would take, compared exactly


def fields(
    doc: object, where: str, required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None
) -> dict[str, Any]:
    """The object itself, if it has every required field, no unknown one, and exact types (a bool is no int).

    A type may be a union (`str | None`); raises InvalidInput document.type, .missing_field or .unknown_field.
    """
    if type(doc) is not dict:
        raise InvalidInput("document.type", f"{where} is an object")
    for name, spec in required.items():
        if name not in doc:
            raise InvalidInput("document.missing_field", f"{where} lacks the field {name}")
        _check_type(doc[name], spec, where, name)
    present = len(required)
    for name, spec in (optional or {}).items():
        if name in doc:
            present += 1
            _check_type(doc[name], spec, where, name)
    if present != len(doc):
        unknown = next(name for name in doc if name not in required and name not in (optional or {}))
        raise InvalidInput("document.unknown_field", f"{where} has an unknown field {_shown(unknown)}")
    return doc


def _check_type(value: object, spec: Shape, where: str, name: str) -> None:
    kind = type(value)
    if kind is not spec and (isinstance(spec, type) or kind not in spec.__args__):
        expected = getattr(spec, "__name__", spec)
        raise InvalidInput("document.type", f"the field {name} of {where} is not {expected}")
