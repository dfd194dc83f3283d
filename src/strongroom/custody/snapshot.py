"""The state written down, in one way only: what its digest is of, and what a replica starts from without the entries.

The text holds everything but the full pages of the ledgers, which stand in it by their hashes: pages never change, so
that writing the next snapshot, and hashing it, costs what has changed and not what there is.
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, Final, Union

from immutables import Map

from strongroom.custody.ledger import Ledger, Page, Register
from strongroom.custody.state import CustodyState
from strongroom.errors import Refused
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy

Fetch = Callable[[str], bytes]
"""Gives the packed page of a name; raises Refused when it is not there."""
Write = Callable[[Any], Any]
Read = Callable[[Any, Fetch], Any]

_TEXT: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True)


def write(state: CustodyState) -> bytes:
    """The text of a state: the same bytes in every replica that folded the same entries (I16)."""
    return _TEXT.encode(form(CustodyState)[0](state)).encode()


def pages(state: CustodyState) -> Iterator[Page]:
    """The pages that the text refers to."""
    yield from (*state.proposals.rows.pages, *state.debits.pages)


def read(text: bytes, digest: str, fetch: Fetch) -> CustodyState:
    """The state of this digest (hex); raises Refused snapshot.digest unless text and pages are what was sealed."""
    if hashlib.sha256(text).hexdigest() != digest:
        raise Refused("snapshot.digest", "the snapshot is not the state that was sealed")
    state: CustodyState = form(CustodyState)[1](json.loads(text), fetch)
    return state


@cache
def form(kind: Any) -> tuple[Write, Read]:
    """How a value of a type is written to JSON and read from it."""
    kind = getattr(kind, "__supertype__", kind)  # what a NewType is of
    origin, of = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin in (int, str, bool, None):
        return _as_is, lambda doc, fetch: doc
    if origin is bytes:
        return bytes.hex, lambda doc, fetch: bytes.fromhex(doc)
    if origin is Ledger:
        return _write_ledger, _read_ledger
    if origin is Register:
        return lambda value: _write_ledger(value.rows), lambda doc, fetch: Register.over(_read_ledger(doc, fetch))
    if origin is Policy:
        return attrgetter("document"), lambda doc, fetch: load_policy(doc)
    if origin in (Union, types.UnionType):
        return _optional(*form(next(item for item in of if item is not type(None))))
    if origin is frozenset:
        return _collection(frozenset, sorted, *form(of[0]))
    if origin is Map:
        return _collection(Map, sorted, *_row(of), items=Map.items)
    if origin is tuple:
        return _collection(tuple, list, *form(of[0])) if of[1:] == (...,) else _row(of)
    if isinstance(origin, type) and issubclass(origin, StrEnum):
        return str, lambda doc, fetch: origin(doc)
    if is_dataclass(origin):
        return _record(origin)
    raise TypeError(f"a state holds no {kind}")


def _as_is(value: Any) -> Any:
    return value


def _optional(put: Write, get: Read) -> tuple[Write, Read]:
    return (
        lambda value: None if value is None else put(value),
        lambda doc, fetch: None if doc is None else get(doc, fetch),
    )


def _collection(
    kind: Callable[[Any], Any], order: Callable[[Any], list[Any]], put: Write, get: Read, items: Write = _as_is
) -> tuple[Write, Read]:
    return (
        lambda value: order(put(item) for item in items(value)),
        lambda doc, fetch: kind([get(item, fetch) for item in doc]),
    )


def _row(kinds: tuple[Any, ...]) -> tuple[Write, Read]:
    forms = [form(kind) for kind in kinds]
    return (
        lambda value: [put(item) for (put, _), item in zip(forms, value, strict=True)],
        lambda doc, fetch: tuple(get(item, fetch) for (_, get), item in zip(forms, doc, strict=True)),
    )


def _record(kind: Any) -> tuple[Write, Read]:
    hints, names = typing.get_type_hints(kind), [field.name for field in fields(kind)]
    put, get = _row(tuple(hints[name] for name in names))
    values = attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)
    return lambda value: put(values(value)), lambda doc, fetch: kind(*get(doc, fetch))


def _write_ledger(ledger: Ledger) -> list[Any]:
    return [ledger.dropped, [page.name for page in ledger.pages], [row.hex() for row in ledger.tail]]


def _read_ledger(doc: Any, fetch: Fetch) -> Ledger:
    dropped, names, tail = doc
    held = tuple(Page.read(name, fetch(name)) for name in names)
    return Ledger(dropped, held, tuple(map(bytes.fromhex, tail)))
