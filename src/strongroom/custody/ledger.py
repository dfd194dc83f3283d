"""Rows that are kept for long, in packed pages that never change: cheap to hold, to hash and to write down."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from immutables import Map

from strongroom.errors import Refused

PAGE: Final = 256  # rows
_MOST: Final = PAGE * 4096  # bytes of a page, unpacked


@dataclass(frozen=True, slots=True)
class Page:
    """256 rows under the SHA-256 (hex) of their bytes; `packed` as they are held and written."""

    name: str
    packed: bytes = field(repr=False)

    @classmethod
    def of(cls, rows: Iterable[bytes]) -> Page:
        """Pack rows of less than 4 KiB each."""
        plain = b"".join(len(row).to_bytes(2, "big") + row for row in rows)
        return cls(hashlib.sha256(plain).hexdigest(), zlib.compress(plain, 1))

    @classmethod
    def read(cls, name: str, packed: bytes) -> Page:
        """The page of that name; raises Refused snapshot.digest when these are other bytes."""
        page = cls(name, packed)
        if hashlib.sha256(page._plain()).hexdigest() != name:
            raise Refused("snapshot.digest", f"page {name[:12]} of the snapshot holds other bytes than were sealed")
        return page

    def rows(self) -> tuple[bytes, ...]:
        """The rows, oldest first."""
        plain, at, found = self._plain(), 0, []
        while at < len(plain):
            end = at + 2 + int.from_bytes(plain[at : at + 2], "big")
            found.append(plain[at + 2 : end])
            at = end
        return tuple(found)

    def _plain(self) -> bytes:
        try:
            return zlib.decompressobj().decompress(self.packed, _MOST)
        except zlib.error:
            raise Refused("snapshot.digest", f"page {self.name[:12]} of the snapshot cannot be unpacked") from None


@dataclass(frozen=True, slots=True)
class Ledger:
    """An append-only list of rows (bytes); whole pages may be let go from its front, and keep their numbers."""

    dropped: int = 0  # pages
    pages: tuple[Page, ...] = ()
    tail: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        """How many rows there were ever."""
        return (self.dropped + len(self.pages)) * PAGE + len(self.tail)

    def append(self, row: bytes) -> Ledger:
        """The ledger with one more row."""
        tail = (*self.tail, row)
        if len(tail) < PAGE:
            return Ledger(self.dropped, self.pages, tail)
        return Ledger(self.dropped, (*self.pages, Page.of(tail)), ())

    def backwards(self, end: int) -> Iterator[bytes]:
        """The rows numbered below `end`, newest first, as far back as they are held."""
        for page in range((end - 1) // PAGE, self.dropped - 1, -1):
            held = page - self.dropped
            rows = self.pages[held].rows() if held < len(self.pages) else self.tail
            yield from reversed(rows[: end - page * PAGE])

    def __iter__(self) -> Iterator[bytes]:
        """The rows that are held, oldest first."""
        for page in self.pages:
            yield from page.rows()
        yield from self.tail


@dataclass(frozen=True, slots=True)
class Register:
    """Hashes (32 bytes) that were taken once, for ever; `index` gives the first of those taken together."""

    rows: Ledger = field(default_factory=Ledger)
    index: Map[bytes, bytes] = field(default_factory=Map, repr=False)

    @classmethod
    def over(cls, rows: Ledger) -> Register:
        """The register of these rows."""
        index = Map[bytes, bytes]().mutate()
        for row in rows:
            first = row[:32]
            index.update({row[at : at + 32]: first for at in range(0, len(row), 32)})
        return cls(rows, index.finish())

    def add(self, *hashes: bytes) -> Register:
        """The register with one more row."""
        index = self.index.update(dict.fromkeys(hashes, hashes[0]))
        return Register(self.rows.append(b"".join(hashes)), index)
