"""The report: a table for people, a document for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Section, show

NOISE: Final = 0.1
"""The share of the machine in others' use from which a section says so."""


def render(console: Console, machine: dict[str, Any], sections: Sequence[Section]) -> None:
    """Print the machine and one table a section."""
    console.print(
        f"[bold]{machine['cpu']}[/], {machine['cores']} cores, {machine['memory_mb']} MB · {machine['kernel']} · "
        f"{machine['python']} · {machine['rustc']} · {machine['go']}"
    )
    console.print(f"{machine['time']} · load at the start {machine['load']}, at the end {machine['load_after']}")
    for section in sections:
        console.print(_table(section))
        for remark in section.remarks:
            console.print(f"  {remark}", highlight=False)
        if section.others >= NOISE:
            console.print(f"  [yellow]Others used {section.others:.0%} of the machine meanwhile.[/]", highlight=False)


def _table(section: Section) -> Table:
    table = Table(title=section.title, title_justify="left", title_style="bold", expand=False)
    for name, justify in (("what", "left"), ("median", "right"), ("p99", "right"), ("unit", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    table.add_column("goal")
    table.add_column("beside it, in this run", overflow="fold")
    table.add_column("n", justify="right")
    for row in section.figures:
        table.add_row(*_cells(row))
    return table


def _cells(row: Figure) -> list[str]:
    goal = ""
    if row.goal is not None:
        met = row.goal.met(row.median, row.p99)
        goal = f"[{'green' if met else 'red'}]{row.goal} {'met' if met else 'missed'}[/]"
    ratios = row.ratios
    beside = "\n".join(f"{o.name} {show(o.value)}: {_ratio(ratios[o.name])}" for o in row.beside if o.name in ratios)
    name = f"{row.name}\n[dim]{row.note}[/]" if row.note else row.name
    return [name, show(row.median), "" if row.p99 is None else show(row.p99), row.unit, goal, beside, f"{row.samples}"]


def _ratio(value: float) -> str:
    return f"× {show(value)}" if value >= 0.1 else f"÷ {show(1 / value)}"


def write(path: Path, machine: dict[str, Any], sections: Sequence[Section], *, quick: bool) -> None:
    """The same as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "format": "strongroom.bench.v1",
        "quick": quick,
        "machine": machine,
        "sections": {section.name: section.to_doc() for section in sections},
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
