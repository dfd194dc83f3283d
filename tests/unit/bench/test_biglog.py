"""A big log is a log: the fold takes every entry, and a quorum has cosigned its head."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import pytest

from bench.biglog import big_log
from strongroom.custody.authority import in_force
from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY, Phase
from strongroom.log.checkpoint import parse_note, quorum
from strongroom.log.entry import parse_entry


@pytest.mark.parametrize("size", [5, 7 + 8 * 12, 7 + 8 * 12 + 3])
def test_a_big_log_folds_to_its_checkpoint(tmp_path: Path, size: int) -> None:
    log = big_log(tmp_path, size)
    entries = [parse_entry(raw) for raw in log.raws()]
    state = reduce(apply, entries, EMPTY)
    note = parse_note(log.note)
    assert (state.workspace, state.size, state.root) == (log.workspace, note.checkpoint.size, note.checkpoint.root)
    witnesses = {name: node.credential for name, node in in_force(state).nodes.items()}
    assert set(quorum(note, witnesses)) == set(witnesses)
    transfers = list(state.transfers.values())
    assert sum(transfer.phase is Phase.COMPLETED for transfer in transfers) == max(0, size - 7) // 8
    later = entries[7 : 7 + 8 * 12]
    assert sum(len(entry.evidence) for entry in later) * 4 == len(later)


def test_a_big_log_is_made_once(tmp_path: Path) -> None:
    told: list[int] = []
    log = big_log(tmp_path, 5000, lambda what, done, total: told.append(done))
    assert told == [4096]
    assert big_log(tmp_path, 5000, lambda what, done, total: told.append(done)) == log
    assert told == [4096]
    assert list(log.raws(10, 12)) == list(log.raws())[10:12]
