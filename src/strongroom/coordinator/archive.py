"""Transfers that the state has let go of, for those who ask: a projection, made anew when the whole log is folded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from strongroom.custody.snapshot import plain, revive
from strongroom.custody.state import CustodyState, Transfer
from strongroom.custody.stops import transfer_of
from strongroom.store.records import Ended, Records

_TEXT: Final = json.JSONEncoder(separators=(",", ":"))


def _no_page(name: str) -> bytes:
    raise LookupError(name)  # a transfer refers to none


class Archive:
    """Ended transfers by id, each as it was last."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def take(self, transfers: Iterable[Transfer]) -> None:
        """Keep what the state has just let go of."""
        self._records.put_ended([Ended(transfer.id, _TEXT.encode(plain(transfer))) for transfer in transfers])

    def find(self, state: CustodyState, name: str) -> Transfer:
        """A transfer of the log, whether the state still holds it or not; raises Refused."""
        kept = None if name in state.transfers else self._records.ended(name)
        if kept is None:
            return transfer_of(state, name)
        found: Transfer = revive(Transfer, json.loads(kept.document), _no_page)
        return found
