"""A sample of `make crash`: every fault point of every role, and random moments between them."""

from __future__ import annotations

from pathlib import Path

from tests.crash.report import crash

KILLS = 150
RARE = 3  # fault points that lie within a refresh alone, which a sample may not come by; the whole run hits them all


def silent(what: str, done: int = 0, total: int = 0) -> None:
    """No progress line in a test."""


def test_nothing_is_lost_and_nothing_is_sent_twice_through_kills_at_every_point(tmp_path: Path) -> None:
    report = crash(tmp_path, KILLS, 1, silent)
    assert report["wrong"] == []
    assert (report["duplicates"], report["losses"]) == (0, 0)
    assert report["kills"] >= KILLS and len(report["fault_points_missed"]) <= RARE
    assert report["transfers"] == report["completed"] == report["transactions"] > 0
    assert report["probe_use"]["highest"] <= report["probe_use"]["budget"]
