"""`python -m tests.mutants`: take out every check, one at a time, and show that the test which guards it fails."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.mutants.checks import Check, all_checks
from tests.mutants.find import guard_of, refusing_tests
from tests.mutants.run import failing
from tests.mutants.table import COVERED, guarding, load, save


def main() -> int:
    """0 when every check is guarded; 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="checks whose name contains this, for example: transfers.py")
    parser.add_argument("--every", type=int, default=1, help="each N-th check only")
    parser.add_argument("--find", action="store_true", help="look for tests that guard what has none, and note them")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args()
    checks = [check for check in all_checks() if options.only in check.key]
    with contextlib.redirect_stdout(io.StringIO()):  # imported here, the tests begin at once in every fork
        pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "tests/unit/custody", "tests/unit/signer"])
    if options.find:
        return find(checks)
    return show(checks[:: options.every], options.json)


def find(checks: list[Check]) -> int:
    """Fill the table; what is found stands there at once."""
    guards = load()
    order = [check.key for check in all_checks()]
    refusing = refusing_tests(all_checks())
    with Progress(console=Console(stderr=True)) as bars:
        for check in bars.track([check for check in checks if check.key not in guards], description="looking"):
            test = guard_of(check, refusing.get(check.key, ()))
            if test:
                guards[check.key] = test
                save({key: guards[key] for key in order if key in guards})
            else:
                known = f"it refuses in {len(refusing.get(check.key, ()))} tests"
                print(f"no test fails without {check.key} (line {check.line}); {known}", flush=True)
    return int(set(order) > guards.keys())


def show(checks: list[Check], as_json: bool) -> int:
    """Run the tests as they are, then each without its check."""
    guards = load()
    tests = guarding({check.key: guards[check.key] for check in checks})
    first = failing(None, sorted(set(tests.values())))
    if first:
        print(f"{first} fails with every check in its place: nothing can be shown", file=sys.stderr)
        return 1
    rows: list[dict[str, Any]] = []
    with Progress(console=Console(stderr=True)) as bars:
        for check in bars.track(checks, description="without one check"):
            test, began = guards[check.key], time.monotonic()
            covered = test.startswith(COVERED)
            noticed = covered or bool(failing(check, [test]))
            seconds = time.monotonic() - began
            rows.append({"check": check.key, "guard": test, "noticed": noticed, "seconds": round(seconds, 1)})
    lost = [row for row in rows if not row["noticed"]]
    if as_json:
        print(json.dumps({"checks": rows, "unnoticed": len(lost)}, indent=2))
        return int(bool(lost))
    table = Table("check", "without it fails", "s")
    for row in rows:
        table.add_row(row["check"], row["guard"] if row["noticed"] else f"NOTHING: {row['guard']}", str(row["seconds"]))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    print(f"{len(rows)} checks, {len(rows) - len(lost)} guarded")
    return int(bool(lost))


if __name__ == "__main__":
    raise SystemExit(main())
