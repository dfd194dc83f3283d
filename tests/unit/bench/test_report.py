"""The report: every figure, goal and ratio reaches the reader and the JSON file."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from bench import machine, report
from bench.figures import Beside, Goal, Section, figure

SECTION = Section(
    "sample",
    "A sample",
    (
        figure("quick thing", "ms", [1.0, 2.0, 3.0], tail=True, goal=Goal(2.5), beside=[Beside("peer", 8.0)]),
        figure("slow thing", "1/s", [10.0], goal=Goal(20, up=True), beside=[Beside("floor", 1000.0)], note="a note"),
    ),
    ("a remark",),
    others=0.42,
)


def about() -> dict[str, object]:
    return {**machine.describe(), "load_after": 0.5}


def test_tables_show_figures_goals_ratios_and_the_machine() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    report.render(console, about(), [SECTION])
    text = console.export_text()
    for part in ("quick thing", "2.00", "3.00", "< 2.50 met", "peer 8.00: × 0.25"):
        assert part in text
    for part in ("slow thing", "a note", "≥ 20.0 missed", "floor 1,000: ÷ 100", "a remark", "cores", "load at"):
        assert part in text
    assert "Others used 42% of the machine meanwhile." in text


def test_json_holds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "figures.json"
    report.write(path, about(), [SECTION], quick=True)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["format"] == "strongroom.bench.v1" and document["quick"] is True
    first, second = document["sections"]["sample"]["figures"]
    assert (first["median"], first["p99"], first["met"], first["ratios"]) == (2.0, 3.0, True, {"peer": 0.25})
    assert (second["met"], second["ratios"]) == (False, {"floor": 0.01})


def test_neighbours_are_a_share_of_the_machine() -> None:
    neighbours = machine.Neighbours()
    assert sum(range(200_000)) and 0.0 <= neighbours.share() <= 1.0


def test_the_machine_is_named_but_not_its_host() -> None:
    found = machine.describe()
    assert found["cores"] >= 1 and found["cpu"] and found["python"].startswith(("CPython", "PyPy"))
    assert set(found) == {"cpu", "cores", "memory_mb", "kernel", "python", "rustc", "go", "load", "time"}
