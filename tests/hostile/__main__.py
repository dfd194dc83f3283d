"""`python -m tests.hostile`: every attack that applies, who refused it, why, and how long it took."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.table import ATTACKS, WIDEST, Attack, tried_by

HERE = Path(__file__).parent


class Recorder:
    """The outcome and time of each test, told while they run."""

    def __init__(self, *, quiet: bool) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: dict[str, str] = {}
        self._quiet, self._count, self._whole = quiet, 0, 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._whole = len(session.items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.split("::")[-1]
        self.seconds[name] += report.duration
        if report.failed:
            self.failed[name] = str(report.longrepr)
        if report.when == "teardown":
            self._count += 1
            if not self._quiet:
                filled = 30 * self._count // max(1, self._whole)
                bar = "█" * filled + "░" * (30 - filled)
                print(f"\r{bar} {self._count} of {self._whole}  {name[:60]:60}", end="", file=sys.stderr, flush=True)


def row(attack: Attack, recorder: Recorder) -> dict[str, Any]:
    """What the runs say about one attack."""
    tests = sorted(name for name in recorder.seconds if tried_by(attack, name.split("[")[0]))
    outcome = "does not apply" if attack.absent else "not run" if not tests else "refused"
    if any(name in recorder.failed for name in tests):
        outcome = "FAILED"
    seconds = round(sum(recorder.seconds[name] for name in tests), 1)
    return {**asdict(attack), "tests": tests, "outcome": outcome, "seconds": seconds}


def show(rows: list[dict[str, Any]]) -> None:
    """The table for people."""
    print(f"{'#':>3}  {'attack':{WIDEST}} {'refused by':24} {'time':>7}  reason")
    for found in rows:
        start = f"{found['number'] or '–':>3}  {found['what']:{WIDEST}}"
        if found["absent"]:
            print(f"{start} does not apply: {found['absent']}")
            continue
        by = found["by"] if found["outcome"] == "refused" else found["outcome"]
        print(f"{start} {by:24} {found['seconds']:>5} s  {', '.join(found['reasons'])}")
    applying = [found for found in rows if not found["absent"]]
    refused = sum(found["outcome"] == "refused" for found in applying)
    absent = len(rows) - len(applying)
    print(f"\n{refused} of {len(applying)} attacks that apply were refused; {absent} concern what does not exist yet.")


def main() -> int:
    """0 when every attack that was run was refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    parser.add_argument("rest", nargs="*", help="what else to tell pytest, for example: -- -k attack_41")
    arguments = parser.parse_args()
    recorder, told = Recorder(quiet=arguments.json), io.StringIO()
    chosen = [str(HERE), "-q", "--forbid-skips", "--timeout", "600", *([] if os.geteuid() == 0 else ["-m", "not root"])]
    with contextlib.redirect_stdout(told):
        status = pytest.main([*chosen, *arguments.rest], plugins=[recorder])
    rows = [row(attack, recorder) for attack in ATTACKS]
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        print("\r", end="", file=sys.stderr)
        show(rows)
    if status != pytest.ExitCode.OK:
        sys.stderr.write(told.getvalue())
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
