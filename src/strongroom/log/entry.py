"""Log entries: what happened, when, and the signed evidence for it; the leaf covers all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from strongroom.documents.canonical import MAX_BYTES, encode, fields, parse
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_slug
from strongroom.errors import InvalidInput

MOST_EVIDENCE: Final = 64

_SHAPE: Final = {"body": dict, "evidence": list, "kind": str, "time": int}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry with its canonical bytes and its leaf hash; made by new_entry and parse_entry only."""

    kind: str
    time: int  # unix ms
    body: dict[str, Any]
    evidence: tuple[Envelope, ...]
    raw: bytes = field(repr=False)
    leaf: bytes = field(repr=False)


def leaf_hash(raw: bytes) -> bytes:
    """RFC 6962 §2.1 hash of a leaf: SHA-256(0x00 || entry bytes)."""
    return hashlib.sha256(b"\x00" + raw).digest()


def parse_entry(raw: bytes) -> Entry:
    """The entry in at most 64 KiB of canonical bytes, envelopes parsed, not verified; raises InvalidInput."""
    return entry_of(parse(raw), raw, leaf_hash(raw))


def entry_of(document: dict[str, Any], raw: bytes, leaf: bytes) -> Entry:
    """The entry whose bytes were parsed to the document, and hashed to the leaf; raises InvalidInput."""
    doc = fields(document, "entry", _SHAPE)
    if doc["time"] < 0:
        raise InvalidInput("entry.time", "the time of an entry is not negative")
    if len(doc["evidence"]) > MOST_EVIDENCE:
        raise InvalidInput("evidence.count", f"an entry carries at most {MOST_EVIDENCE} statements")
    evidence = tuple(map(Envelope.from_doc, doc["evidence"]))
    return Entry(parse_slug(doc["kind"]), doc["time"], doc["body"], evidence, raw, leaf)


def new_entry(kind: str, time: int, body: dict[str, Any], evidence: Iterable[Envelope] = ()) -> Entry:
    """A new entry (time in unix ms), read back from its bytes: it is what every replica will parse."""
    doc = {"body": body, "evidence": [item.to_doc() for item in evidence], "kind": kind, "time": time}
    raw = encode(doc)
    if len(raw) > MAX_BYTES:
        raise InvalidInput("document.too_large", f"the entry is longer than {MAX_BYTES} bytes")
    return parse_entry(raw)
