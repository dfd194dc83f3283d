"""The bundle read ahead: while entries are being folded, the next ones are read and checked on other processors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from strongroom.audit.bundle import Line
from strongroom.audit.finding import AuditFailed
from strongroom.log.batch import CHUNK, Signers, parse_entries
from strongroom.log.entry import Entry


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Lines with their entries as far as they parse, and what is wrong behind them."""

    lines: Sequence[Line]
    entries: Sequence[Entry | None]
    failed: AuditFailed | None


def read_ahead(lines: Iterator[Line], signers: Callable[[], Signers]) -> Iterator[tuple[Line, Entry | None]]:
    """Each line with its entry, None where that does not parse; raises what reading raises, at its turn."""
    with ThreadPoolExecutor(1) as other:
        coming = other.submit(_read, lines, signers())
        while (chunk := coming.result()).lines:
            coming = other.submit(_read, lines, signers())
            yield from zip(chunk.lines, chunk.entries, strict=True)
            if chunk.failed is not None:
                raise chunk.failed
        if chunk.failed is not None:
            raise chunk.failed


def _read(lines: Iterator[Line], signers: Signers) -> _Chunk:
    found: list[Line] = []
    failed = None
    try:
        while len(found) < CHUNK and (line := next(lines, None)):
            found.append(line)
    except AuditFailed as error:
        failed = error
    return _Chunk(found, parse_entries([line.raw for line in found], signers), failed)
