"""Seals, snapshots and what the state lets go of, under simulation: a dozen entries stand for ten thousand."""

from __future__ import annotations

import pytest

from strongroom.coordinator import history, sealing
from strongroom.custody import retention
from strongroom.custody.sealed import Sealed
from strongroom.custody.state import CustodyState
from tests.simulation.world import play

SEEDS = 8


def test_no_invariant_breaks_where_replicas_seal_and_start_from_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (retention, history):
        monkeypatch.setattr(module, "TRANSFERS_KEPT", 12)
    monkeypatch.setattr(sealing, "SEAL_EVERY", 9)
    begun, load = list[int](), Sealed.load

    def counted(self: Sealed, most: int) -> CustodyState:
        state = load(self, most)
        assert self.refused is None, "what a replica has written it can read"
        begun.append(state.size)
        return state

    monkeypatch.setattr(Sealed, "load", counted)
    for seed in range(SEEDS):
        outcome = play(seed)
        assert not outcome.violation, outcome
    assert sum(size > 0 for size in begun) >= SEEDS // 2, "some have started from a snapshot"
