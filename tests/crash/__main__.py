"""`python -m tests.crash --kills N [--seed S] [--json FILE]`: kill real roles N times and prove that all went well."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.crash.report import crash


def main() -> int:
    """Run, print the report, and end with 1 when something was lost, sent twice or otherwise wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--json", type=Path, help="where the report goes as JSON")
    asked = parser.parse_args()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with tempfile.TemporaryDirectory() as scratch, Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=asked.kills)

        def tell(what: str, done: int = 0, total: int = 0) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        report = crash(Path(scratch), asked.kills, asked.seed, tell)
    text = json.dumps(report, indent=2)
    if asked.json is not None:
        asked.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    console.print(
        f"{report['kills']} kills at {len(report['kills_by_fault_point'])} fault points and "
        f"{report['kills_at_random_moments']} random moments; {report['completed']} of {report['transfers']} transfers "
        f"completed, {report['duplicates']} duplicates, {report['losses']} losses; {report['refreshes']} refreshes, at "
        f"most {report['probe_use']['highest']} of {report['probe_use']['budget']} possible probes of a pair"
    )
    for finding in report["wrong"]:
        console.print(f"WRONG: {finding}", style="red", markup=False)
    return 1 if report["wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
