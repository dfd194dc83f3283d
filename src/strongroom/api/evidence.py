"""Where the log holds the signed proposal of a transfer: what approvers check the coordinator's words against."""

from __future__ import annotations

from collections.abc import Callable

from strongroom.custody.state import Transfer
from strongroom.documents.envelope import Envelope
from strongroom.errors import InvalidInput
from strongroom.log.entry import Entry, parse_entry

Entries = Callable[[int, int], list[bytes]]
_PAGE = 200


def proposal_of(entries: Entries, size: int, transfer: Transfer) -> tuple[int, Envelope]:
    """The index and the envelope; times never decrease, so the first entry of that time is found by halving."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if _entry(entries, middle).time < transfer.proposed:
            low = middle + 1
        else:
            high = middle
    while low < size:
        page = entries(low, _PAGE)
        if not page:
            break
        for raw in page:
            entry = parse_entry(raw)
            if entry.time > transfer.proposed:
                low = size
                break
            if entry.kind == "transfer.proposed" and entry.body.get("transfer") == transfer.id:
                return low, entry.evidence[0]
            low += 1
    raise InvalidInput("transfer.unknown", "the log holds no proposal of that transfer")


def _entry(entries: Entries, index: int) -> Entry:
    found = entries(index, 1)
    if not found:
        raise InvalidInput("transfer.unknown", "the log does not go that far")
    return parse_entry(found[0])
