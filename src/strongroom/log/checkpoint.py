"""Checkpoints, signed notes and cosignatures (C2SP tlog-checkpoint, signed-note, tlog-cosignature)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from strongroom.documents.base64 import decode_base64, encode_base64
from strongroom.documents.canonical import MAX_INTEGER
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.documents.names import parse_hash, parse_slug
from strongroom.errors import InvalidInput, Refused

MAX_NOTE: Final = 32768  # characters
MAX_SIGNATURES: Final = 64

_COSIGNATURE: Final = b"\x04"
# C2SP allows any name without spaces and plus; ours are ASCII, and one that is not can only be refused.
_NAME: Final = r"[!-*,-~]{1,255}"
_BODY: Final = re.compile(rf"({_NAME})\n(0|[1-9][0-9]{{0,15}})\n([A-Za-z0-9+/]{{43}}=)\n")
_LINE: Final = re.compile(rf"\u2014 ({_NAME}) ([A-Za-z0-9+/]{{7,6000}}={{0,2}})")


def origin_of(workspace: str) -> str:
    """The origin line of a workspace's log; the id is 64 hex digits."""
    return f"strongroom.log/{parse_hash(workspace)}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head of a log: its origin line, size in entries and 32-byte root."""

    origin: str
    size: int
    root: bytes

    def body(self) -> bytes:
        """The signed text: three lines, without extension lines."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n".encode()


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature of a note: the key's name, its 4-byte id, and the signature bytes; not yet verified."""

    name: str
    key: bytes
    signature: bytes

    def text(self) -> str:
        """The line with its newline."""
        return f"\u2014 {self.name} {encode_base64(self.key + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with signature lines."""

    checkpoint: Checkpoint
    signatures: tuple[SignatureLine, ...]

    def text(self) -> str:
        """The whole signed note."""
        return f"{self.checkpoint.body().decode()}\n{''.join(line.text() for line in self.signatures)}"


def parse_checkpoint(body: str) -> Checkpoint:
    """A checkpoint body of exactly three lines; raises InvalidInput checkpoint.syntax."""
    match = _BODY.fullmatch(body) if len(body) <= 512 else None
    if match is None or int(match[2]) > MAX_INTEGER:
        raise InvalidInput("checkpoint.syntax", "a checkpoint is an origin, a size and a root on three lines")
    return Checkpoint(match[1], int(match[2]), decode_base64(match[3]))


def parse_signature_line(text: str) -> SignatureLine:
    """One line without its newline; raises InvalidInput checkpoint.signature_line, base64.syntax."""
    match = _LINE.fullmatch(text) if len(text) <= 8192 else None
    if match is None:
        raise InvalidInput("checkpoint.signature_line", "a signature line is a dash, a name and base64")
    data = decode_base64(match[2])  # 5 bytes at least, by the expression
    return SignatureLine(match[1], data[:4], data[4:])


def parse_note(text: str) -> Note:
    """A signed note with 1 to 64 signature lines, none verified; raises InvalidInput."""
    if len(text) > MAX_NOTE:
        raise InvalidInput("checkpoint.too_large", f"a note has at most {MAX_NOTE} characters")
    body, blank, tail = text.partition("\n\n")
    lines = tail.split("\n")
    if not blank or lines.pop() != "" or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise InvalidInput("checkpoint.syntax", f"a note ends with 1 to {MAX_SIGNATURES} signature lines")
    return Note(parse_checkpoint(body + "\n"), tuple(map(parse_signature_line, lines)))


def note_key_id(name: str, kind: bytes, public: bytes) -> bytes:
    """SHA-256(name || 0x0A || type || public key), its first four bytes: a hint, never an identity."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def _cosigned(checkpoint: Checkpoint, time_s: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time_s + checkpoint.body()


def cosign(checkpoint: Checkpoint, signing_key: SigningKey, name: str, time_s: int) -> SignatureLine:
    """A witness's cosignature/v1 (name: a slug, time in unix seconds)."""
    if not 0 < time_s <= MAX_INTEGER:
        raise InvalidInput("checkpoint.time", "the time of a cosignature is in unix seconds")
    key = note_key_id(parse_slug(name), _COSIGNATURE, signing_key.credential.public)
    signature = signing_key.sign(_cosigned(checkpoint, time_s))
    return SignatureLine(name, key, time_s.to_bytes(8, "big") + signature)


def verify_cosignature(note: Note, name: str, credential: Credential) -> int:
    """The newest time, in unix seconds, at which the witness validly cosigned.

    Raises Refused cosignature.missing, or credential.bad_signature when none of its lines is valid.
    """
    key = note_key_id(name, _COSIGNATURE, credential.public)
    newest, failure = 0, Refused("cosignature.missing", f"no cosignature by {name}")
    for line in note.signatures:
        if (line.name, line.key) != (name, key):
            continue
        time_s = int.from_bytes(line.signature[:8], "big")
        try:
            if not 0 < time_s <= MAX_INTEGER:
                raise Refused("credential.bad_signature", f"a cosignature by {name} has no time")
            credential.verify(_cosigned(note.checkpoint, time_s), line.signature[8:])
            newest = max(newest, time_s)
        except Refused as error:
            failure = error
    if newest == 0:
        raise failure
    return newest


def quorum(note: Note, witnesses: Mapping[str, Credential]) -> dict[str, int]:
    """The witnesses whose cosignature verifies, each with its newest time in unix seconds; no others.

    A key counts once: a second name of the same key adds nothing.
    """
    found: dict[str, int] = {}
    counted: set[str] = set()
    for name, credential in witnesses.items():
        if credential.key_id in counted:
            continue
        try:
            found[name] = verify_cosignature(note, name, credential)
        except Refused:
            continue
        counted.add(credential.key_id)
    return found
