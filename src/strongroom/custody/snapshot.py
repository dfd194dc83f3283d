"""The state written down, in one way only: what its digest is of, and what a replica starts from without the entries.

The text holds everything but the full pages of the ledgers, which stand in it by their hashes: pages never change, so
that writing the next snapshot, and hashing it, costs what has changed and not what there is. What holds its default is
left out: a later release may give the state a field, and old seals still hold, as long as old entries leave it alone.
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Final

from immutables import Map

from strongroom.custody.ledger import Ledger, Page, Register
from strongroom.custody.state import CustodyState
from strongroom.errors import InvalidInput, Refused
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy

Fetch = Callable[[str], bytes]
"""Gives the packed page of a name; raises Refused when it is not there."""

_TEXT: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True)


def write(state: CustodyState) -> bytes:
    """The text of a state: the same bytes in every replica that folded the same entries (I16)."""
    return _TEXT.encode(plain(state)).encode()


def read(text: bytes, digest: str, fetch: Fetch) -> CustodyState:
    """The state of this digest (hex); raises Refused snapshot.digest unless text and pages are what was sealed, and
    snapshot.format when they hold what this release does not know.
    """
    if hashlib.sha256(text).hexdigest() != digest:
        raise Refused("snapshot.digest", "the snapshot is not the state that was sealed")
    try:
        state: CustodyState = revive(CustodyState, json.loads(text), fetch)
        if write(state) == text:
            return state
    except (InvalidInput, ValueError, TypeError, LookupError, AttributeError):
        pass
    raise Refused("snapshot.format", "another release wrote the snapshot")


def plain(value: Any) -> Any:
    """Any part of a state as JSON takes it."""
    kind = type(value)
    if kind is bytes:
        return value.hex()
    if kind is tuple:
        return [plain(item) for item in value]
    if kind is frozenset:
        return sorted(map(plain, value), key=_TEXT.encode)
    if kind is Map:
        rows = [(plain(key), plain(item)) for key, item in value.items()]
        return sorted(rows, key=lambda row: _TEXT.encode(row[0]) if isinstance(row[0], dict) else row[0])
    if kind is Page:
        return value.name
    if kind is Policy:
        return value.document
    if kind is Register:
        return plain(value.rows)
    if not is_dataclass(kind):
        return value
    held = [(name, getattr(value, name), default) for name, default in _defaults(kind)]
    return {name: plain(item) for name, item, default in held if item != default}


def revive(kind: Any, doc: Any, fetch: Fetch) -> Any:
    """The value of a type that was written so."""
    kind = getattr(kind, "__supertype__", kind)  # what a NewType is of
    origin, of = typing.get_origin(kind) or kind, typing.get_args(kind)
    if doc is None:
        return None
    if origin is types.UnionType:
        return revive(next(item for item in of if item is not types.NoneType), doc, fetch)
    if origin is bytes:
        return bytes.fromhex(doc)
    if origin is tuple:
        kinds = of[:1] * len(doc) if of[-1] is ... else of
        return tuple(revive(each, item, fetch) for each, item in zip(kinds, doc, strict=True))
    if origin is frozenset:
        return frozenset(revive(of[0], item, fetch) for item in doc)
    if origin is Map:
        return Map((revive(of[0], key, fetch), revive(of[1], item, fetch)) for key, item in doc)
    if origin is Page:
        return Page.read(doc, fetch(doc))
    if origin is Policy:
        return load_policy(doc)
    if origin is Register:
        return Register.over(revive(Ledger, doc, fetch))
    if not is_dataclass(origin):
        return origin(doc)
    return kind(**{name: revive(_hints(kind)[name], item, fetch) for name, item in doc.items()})


@cache
def _defaults(kind: Any) -> list[tuple[str, Any]]:
    return [(f.name, f.default if f.default_factory is MISSING else f.default_factory()) for f in fields(kind)]


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
