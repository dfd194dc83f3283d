"""`python -m bench [NAME…] [--quick] [--no-peers] [--json FILE]`: run benchmarks and print what they found."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import machine, report
from bench.figures import Section
from bench.measure import Bench

NAMES: Final = ("policy", "credentials", "log", "scale", "audit", "core", "signing", "transfers", "stops", "console")
"""Modules of this package with `run(Bench) -> Section`, in the order of a whole run."""

ON_REQUEST: Final = ("hotspots",)
"""Such modules that run only when they are named."""

LATEST: Final = Path(".bench/latest.json")


def cache_directory() -> Path:
    """What takes long to make and stays: the peer's binary and its pre-parameters."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "strongroom" / "bench"


def benchmark(name: str) -> Callable[[Bench], Section]:
    """The entry of one benchmark."""
    run: Callable[[Bench], Section] = importlib.import_module(f"bench.{name}").run
    return run


def run_all(names: Sequence[str], *, quick: bool, peers: bool, console: Console) -> list[Section]:
    """Run each; one that fails is reported as a section without figures, and the others still run."""
    sections: list[Section] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        for name in names:
            task = bars.add_task(name, total=None)

            def progress(what: str, done: int = 0, total: int = 0, *, task: object = task, name: str = name) -> None:
                bars.update(task, description=f"{name}: {what}", completed=done, total=total or None)  # type: ignore[arg-type]

            with tempfile.TemporaryDirectory(prefix=f"strongroom-bench-{name}-") as scratch:
                context = Bench(quick, peers, Path(scratch), cache_directory(), progress)
                neighbours = machine.Neighbours()
                try:
                    sections.append(replace(benchmark(name)(context), others=neighbours.share()))
                except Exception as error:
                    console.print_exception()
                    sections.append(Section(name, f"{name}: failed", (), (f"failed: {error}",), {"failed": True}))
            bars.remove_task(task)
    return sections


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when every benchmark ran, whatever it measured; 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(NAMES)} (all when none is named), or {', '.join(ON_REQUEST)}",
    )
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: a first impression")
    parser.add_argument("--no-peers", action="store_true", help="leave out the library compared with (needs Go)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in (*NAMES, *ON_REQUEST)]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join((*NAMES, *ON_REQUEST))}")
    console = Console(width=None if sys.stdout.isatty() else 160)
    about = machine.describe()
    sections = run_all(given.names or NAMES, quick=given.quick, peers=not given.no_peers, console=console)
    about["load_after"] = round(os.getloadavg()[0], 2)
    report.render(console, about, sections)
    LATEST.parent.mkdir(exist_ok=True)
    (LATEST.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    for path in (LATEST, *([given.json] if given.json else [])):
        report.write(path, about, sections, quick=given.quick)
    console.print(f"written: {LATEST}")
    return 1 if any(section.details.get("failed") for section in sections) else 0


if __name__ == "__main__":
    sys.exit(main())
