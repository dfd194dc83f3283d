"""Seals: every so many entries the log is given the digest of its own state, so that snapshots of it can be told."""

from __future__ import annotations

import asyncio
from typing import Final

from strongroom.coordinator.sequencer import Sequencer
from strongroom.custody.digest import state_digest
from strongroom.log.entry import Entry

SEAL_EVERY: Final = 10_000  # entries
SEAL_LEAST: Final = 32  # entries between two that somebody asks for: each costs every replica a tenth of a second


class Sealing:
    """Authors `state.sealed`; whoever folds the entry compares."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        self._tried = 0  # what witnesses have refused is not tried again with every entry
        sequencer.on_entry.append(self._on_entry)

    def seal(self) -> int:
        """Seal the state as it is now; the entry's index. The newest seal serves again until enough has followed it."""
        state = self._sequencer.history.state
        if state.sealed and state.size - state.sealed <= SEAL_LEAST:
            return state.sealed
        self._tried, digest = state.size, state_digest(state)
        return self._sequencer.submit("state.sealed", {"digest": digest}, lazy=True)

    def _on_entry(self, index: int, entry: Entry) -> None:
        if self._due():  # after the other listeners have heard of this entry
            asyncio.get_running_loop().call_soon(self._seal_due)

    def _seal_due(self) -> None:
        if self._due():
            self.seal()

    def _due(self) -> bool:
        state = self._sequencer.history.state
        return state.size - max(state.sealed, self._tried) >= SEAL_EVERY
