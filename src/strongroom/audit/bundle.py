"""The audit bundle: one text file with every entry of a log and the newest quorum-cosigned checkpoint.

First line `strongroom-bundle/v1 <workspace>`, then a line `<leaf hash> <canonical entry>` for each entry, then an
empty line, then the signed note as it is. Written and read as a stream: a log may be larger than memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from strongroom.audit.finding import AuditFailed, Place
from strongroom.documents.canonical import MAX_BYTES
from strongroom.log.checkpoint import MAX_NOTE
from strongroom.log.entry import leaf_hash

FORMAT: Final = "strongroom-bundle/v1"
HEADER: Final = Place("header")
CHECKPOINT: Final = Place("checkpoint")

_HEADER: Final = re.compile(rb"strongroom-bundle/v1 ([0-9a-f]{64})\n")
_LEAF: Final = re.compile(rb"[0-9a-f]{64} ")
_LONGEST_LINE: Final = 65 + MAX_BYTES + 1
_MAX_NOTE_BYTES: Final = 4 * MAX_NOTE


def bundle_lines(workspace: str, entries: Iterable[bytes], note: str) -> Iterator[bytes]:
    """The bundle piece by piece: of a workspace id (hex), raw entries in order, and the note that covers them."""
    yield f"{FORMAT} {workspace}\n".encode()
    for raw in entries:
        yield leaf_hash(raw).hex().encode() + b" " + raw + b"\n"
    yield b"\n" + note.encode()


@dataclass(frozen=True, slots=True)
class Line:
    """One entry's line: its number, the leaf hash that it states, the entry's bytes."""

    index: int
    leaf: bytes
    raw: bytes


class BundleReader:
    """Reads a bundle front to back: the header, then `lines()`, then `note()`; raises AuditFailed bundle.*."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read = 0
        header = self._line(200)
        match = _HEADER.fullmatch(header)
        if match is None:
            raise AuditFailed(HEADER, "bundle.header", f"the first line is not '{FORMAT} <workspace id>'")
        self.workspace = match[1].decode()

    def _line(self, limit: int) -> bytes:
        line = self._file.readline(limit)
        self.read += len(line)
        return line

    def lines(self) -> Iterator[Line]:
        """Every entry's line up to the empty one, which must be there."""
        index = 0
        while (line := self._line(_LONGEST_LINE)) != b"\n":
            place = Place("entry", index)
            if not line:
                raise AuditFailed(CHECKPOINT, "bundle.truncated", f"the file ends after {index} entries")
            if not line.endswith(b"\n"):
                raise AuditFailed(place, "bundle.truncated", "its line is too long, or the file ends inside it")
            if not _LEAF.match(line):
                raise AuditFailed(place, "bundle.line", "its line is not a leaf hash, a space and the entry")
            yield Line(index, bytes.fromhex(line[:64].decode()), line[65:-1])
            index += 1

    def note(self) -> str:
        """What follows the empty line, to the end of the file."""
        rest = self._file.read(_MAX_NOTE_BYTES + 1)
        self.read += len(rest)
        if len(rest) > _MAX_NOTE_BYTES:
            raise AuditFailed(CHECKPOINT, "bundle.leftover", "more follows than one checkpoint")
        try:
            return rest.decode()
        except UnicodeDecodeError:
            raise AuditFailed(CHECKPOINT, "bundle.note", "the checkpoint is not UTF-8") from None
