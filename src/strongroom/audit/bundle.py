"""The audit bundle: one text file with every entry of a log, the newest quorum-cosigned checkpoint, chain evidence.

`strongroom-bundle/v2 <workspace>`, then a line `<leaf hash> <canonical entry>` for each entry, an empty line, the
signed note as it is, an empty line, a line `<SHA-256> <canonical document>` for each piece of chain evidence
(`audit/chain.py`), and `end <entries> <pieces> <SHA-256 of all before>`. The checkpoints of each change of witnesses
are entries (`witnesses.changed`). Written and read as a stream: a log may be larger than memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from strongroom.audit.finding import AuditFailed, Place
from strongroom.documents.canonical import MAX_BYTES, encode
from strongroom.log.checkpoint import MAX_NOTE
from strongroom.log.entry import leaf_hash

FORMAT: Final = "strongroom-bundle/v2"
HEADER: Final = Place("header")
CHECKPOINT: Final = Place("checkpoint")
END: Final = Place("end")

_HEADER: Final = re.compile(rb"strongroom-bundle/v2 ([0-9a-f]{64})\n")
_HASH: Final = re.compile(rb"[0-9a-f]{64} ")
_END: Final = re.compile(rb"end (0|[1-9][0-9]{0,15}) (0|[1-9][0-9]{0,15}) ([0-9a-f]{64})\n")
_LONGEST_LINE: Final = 65 + MAX_BYTES + 1
_LONGEST_EVIDENCE: Final = 1 << 20  # a transaction with blobs
_MAX_NOTE_BYTES: Final = 4 * MAX_NOTE


class BundleWriter:
    """The bundle piece by piece: header, entries in order, the note that covers them, chain evidence, end."""

    def __init__(self) -> None:
        self._hash, self._entries, self._evidence = hashlib.sha256(), 0, 0

    def _piece(self, data: bytes) -> bytes:
        self._hash.update(data)
        return data

    def header(self, workspace: str) -> bytes:
        """Of a workspace id (hex)."""
        return self._piece(f"{FORMAT} {workspace}\n".encode())

    def entry(self, raw: bytes) -> bytes:
        """The next entry's line."""
        self._entries += 1
        return self._piece(leaf_hash(raw).hex().encode() + b" " + raw + b"\n")

    def note(self, text: str) -> bytes:
        """The signed note between its empty lines."""
        return self._piece(b"\n" + text.encode() + b"\n")

    def evidence(self, document: dict[str, Any]) -> bytes:
        """The next piece of chain evidence."""
        self._evidence += 1
        raw = encode(document)
        return self._piece(hashlib.sha256(raw).hexdigest().encode() + b" " + raw + b"\n")

    def end(self) -> bytes:
        """The last line."""
        return f"end {self._entries} {self._evidence} {self._hash.hexdigest()}\n".encode()


def bundle_lines(
    workspace: str, entries: Iterable[bytes], note: str, evidence: Iterable[dict[str, Any]] = ()
) -> Iterator[bytes]:
    """A whole bundle: of a workspace id (hex), raw entries, the note that covers them, and chain evidence."""
    writer = BundleWriter()
    yield writer.header(workspace)
    yield from map(writer.entry, entries)
    yield writer.note(note)
    yield from map(writer.evidence, evidence)
    yield writer.end()


@dataclass(frozen=True, slots=True)
class Line:
    """A line's number among those of its part, the hash that it states, and its bytes."""

    index: int
    leaf: bytes
    raw: bytes


class BundleReader:
    """Reads a bundle front to back: header, `lines()`, `note()`, `evidence()`; raises AuditFailed bundle.*."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash = file, hashlib.sha256()
        self.read = self._entries = 0
        match = _HEADER.fullmatch(self._line(200))
        if match is None:
            raise AuditFailed(HEADER, "bundle.header", f"the first line is not '{FORMAT} <workspace id>'")
        self.workspace = match[1].decode()

    def _line(self, limit: int, *, counted: bool = True) -> bytes:
        line = self._file.readline(limit)
        self.read += len(line)
        if counted:
            self._hash.update(line)
        return line

    def lines(self) -> Iterator[Line]:
        """Every entry's line up to the empty one, which must be there."""
        while (line := self._line(_LONGEST_LINE)) != b"\n":
            yield _hashed(line, Place("entry", self._entries))
            self._entries += 1

    def note(self) -> str:
        """What stands between the two empty lines behind the entries: three lines, an empty one, signature lines."""
        lines: list[bytes] = []
        while len(lines) < 5 or lines[-1] != b"\n":
            lines.append(self._line(_MAX_NOTE_BYTES))
            if not lines[-1].endswith(b"\n") or sum(map(len, lines)) > _MAX_NOTE_BYTES:
                raise AuditFailed(CHECKPOINT, "bundle.truncated", "it is too long, or the file ends inside it")
        try:
            return b"".join(lines[:-1]).decode()
        except UnicodeDecodeError:
            raise AuditFailed(CHECKPOINT, "bundle.note", "the checkpoint is not UTF-8") from None

    def evidence(self) -> Iterator[Line]:
        """Every piece of chain evidence, whose hash holds; then the end of the file, which must be what was written."""
        index, known = 0, self._hash.copy()
        while not (line := self._line(_LONGEST_EVIDENCE, counted=False)).startswith(b"end "):
            place = Place("evidence", index)
            found = _hashed(line, place)
            if hashlib.sha256(found.raw).digest() != found.leaf:
                raise AuditFailed(place, "bundle.hash", "its bytes do not have the hash beside them")
            yield found
            known.update(line)
            index += 1
        match = _END.fullmatch(line)
        if match is None or self._file.read(1):
            raise AuditFailed(END, "bundle.end", "the last line is not the one that ends a bundle")
        if (int(match[1]), int(match[2])) != (self._entries, index):
            raise AuditFailed(END, "bundle.count", f"it counts {int(match[1])} entries and {int(match[2])} pieces")
        if match[3].decode() != known.hexdigest():
            raise AuditFailed(END, "bundle.hash", "the file is not the one that was written")


def _hashed(line: bytes, place: Place) -> Line:
    """A line of a hash, a space and a document."""
    if not line.endswith(b"\n"):
        raise AuditFailed(place, "bundle.truncated", "its line is too long, or the file ends before it or inside it")
    if not _HASH.match(line):
        raise AuditFailed(place, "bundle.line", "its line is not a hash, a space and a document")
    assert place.index is not None  # noqa: S101 - lines are numbered
    return Line(place.index, bytes.fromhex(line[:64].decode()), line[65:-1])
