"""Entries read many at once: their form, leaves and signatures are checked in the core, on every processor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from strongroom import _core
from strongroom.documents.credentials import Credential, Kind
from strongroom.documents.proofs import remember
from strongroom.errors import InvalidInput
from strongroom.log.entry import Entry, entry_of


@dataclass(frozen=True, slots=True)
class Signers:
    """Whose signatures the next entries may carry: credentials by key id, accounts of EVM chains."""

    credentials: Mapping[str, Credential] = field(default_factory=dict)
    accounts: Set[str] = frozenset()


CHUNK: Final = 1000
_FEW: Final = 32  # entries that are read as quickly one by one


def parse_ahead(raws: Iterable[bytes], signers: Callable[[], Signers]) -> Iterator[tuple[bytes, Entry | None]]:
    """The bytes of each entry with what parse_entry makes of them, or None where that may refuse: the caller asks it.

    Valid signatures by the signers (asked for once a chunk) are remembered: the fold finds them verified.
    """
    waiting = iter(raws)
    while chunk := list(islice(waiting, CHUNK)):
        yield from zip(chunk, parse_entries(chunk, signers()), strict=True)


def parse_entries(raws: Sequence[bytes], signers: Signers) -> list[Entry | None]:
    """Each entry of one chunk, as parse_ahead gives them."""
    if len(raws) < _FEW:
        return [None] * len(raws)
    keys = {name: key.public for name, key in signers.credentials.items() if key.kind is Kind.ED25519}
    prepared, proofs = _core.prepare(raws, keys, set(signers.accounts))
    remember(proofs)
    return [found and _entry(raw, *found) for raw, found in zip(raws, prepared, strict=True)]


def _entry(raw: bytes, document: dict[str, object], leaf: bytes) -> Entry | None:
    try:
        return entry_of(document, raw, leaf)
    except InvalidInput:
        return None
