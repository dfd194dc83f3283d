"""Frames: a small canonical head and raw bytes behind it, length-prefixed, bounded."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from strongroom.documents.canonical import encode, fields, parse
from strongroom.documents.names import parse_slug
from strongroom.errors import InvalidInput

MAX_HEAD: Final = 1 << 20
MAX_BODY: Final = 8 << 20
_PREFIX: Final = struct.Struct(">II")
_LENGTH: Final = struct.Struct(">I")
_SHAPE: Final = {"kind": str, "from": str, "to": str, "head": dict}


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its kind, who sends it to whom (node names, or `coordinator`), fields, and bytes."""

    kind: str
    sender: str
    to: str
    head: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""


def encode_frame(frame: Frame) -> bytes:
    """Lengths of head and body (4 bytes each, big-endian), then both."""
    head = encode({"kind": frame.kind, "from": frame.sender, "to": frame.to, "head": frame.head})
    if len(head) > MAX_HEAD or len(frame.body) > MAX_BODY:
        raise InvalidInput("frame.too_large", f"a frame of kind {frame.kind} is too large to send")
    return _PREFIX.pack(len(head), len(frame.body)) + head + frame.body


def decode_frame(head: bytes, body: bytes) -> Frame:
    """The frame of its two parts; raises InvalidInput."""
    doc = fields(parse(head, max_bytes=MAX_HEAD), "frame", _SHAPE)
    return Frame(parse_slug(doc["kind"]), parse_slug(doc["from"]), parse_slug(doc["to"]), doc["head"], body)


def join_entries(raws: Iterable[bytes]) -> bytes:
    """The body of a frame of entries: each with its length in four bytes (big-endian) before it."""
    return b"".join(_LENGTH.pack(len(raw)) + raw for raw in raws)


def split_entries(body: bytes) -> list[bytes]:
    """The entries of such a body; raises InvalidInput frame.entries."""
    raws, at = [], 0
    while at < len(body):
        (length,) = _LENGTH.unpack_from(body, at) if at + 4 <= len(body) else (0,)
        raws.append(body[at + 4 : at + 4 + length])
        at += 4 + length
        if at > len(body) or not length:
            raise InvalidInput("frame.entries", "the body does not divide into entries")
    return raws


async def read_frame(reader: asyncio.StreamReader, max_head: int = MAX_HEAD, max_body: int = MAX_BODY) -> Frame:
    """Read one frame; raises InvalidInput for one too large or malformed, IncompleteReadError at the end."""
    head, body = _PREFIX.unpack(await reader.readexactly(_PREFIX.size))
    if head > max_head or body > max_body:
        raise InvalidInput("frame.too_large", "the peer announces a frame beyond the limit")
    return decode_frame(await reader.readexactly(head), await reader.readexactly(body))
