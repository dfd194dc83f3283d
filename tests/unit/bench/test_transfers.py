"""The benchmark of whole transfers, at its smallest, on a real lab that leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import transfers
from bench.lab import Lab
from bench.measure import Bench
from bench.stages import STAGES
from strongroom.lab import processes


def silent(what: str, done: int = 0, total: int = 0) -> None:
    assert what


def test_transfers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labs: list[Lab] = []
    begin = Lab.__enter__

    def remembered(lab: Lab) -> Lab:
        labs.append(lab)
        return begin(lab)

    monkeypatch.setattr(Lab, "__enter__", remembered)
    bench = Bench(quick=True, peers=False, scratch=tmp_path, cache=tmp_path / "cache", progress=silent)
    section = transfers.run(bench)
    rows = {row.name: row for row in section.figures}
    assert rows["call to visible in the node"].samples == 3
    assert rows["call to answer"].median < rows["call to visible in the node"].median
    assert sum(name.startswith("stage ") for name in rows) == len(STAGES)
    far = next(row for name, row in rows.items() if "ms each way" in name)
    assert far.median >= 6 * transfers.DELAY_MS  # append and accept, cosign and cosignature, sign and at least a round
    roles = set(section.details["cpu_ms_per_transfer_sustained"])
    assert roles == {"chain", "coordinator", "relay", "signer-1", "signer-2", "signer-3", "guardian-1"}
    assert not labs[0].layout.base.exists()
    assert all(processes.running(labs[0].layout, role) is None for role in roles)
