"""`make model`: explore every world of the model on all cores, then show what each rule is for."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import MutableSequence
from multiprocessing import Pool, RawArray, cpu_count
from typing import Final

from docs.protocols.model.rules import Model
from docs.protocols.model.runs import BEYOND, BOUNDED, VARIANTS, WHOLE, Run, Variant
from docs.protocols.model.search import Outcome, explore

_progress: Final[list[MutableSequence[int]]] = []  # in each process: the states of each run


def _work(job: tuple[int, Run]) -> tuple[int, Outcome, float]:
    index, run = job
    started, seen = time.process_time(), _progress[0]

    def progress(states: int) -> None:
        seen[index] = states

    return index, explore(Model(run.configuration), progress), time.process_time() - started


def _whole(runs: tuple[Run, ...]) -> bool:
    """Explore the runs, the largest first; whether all are clean and of the size that is on record."""
    seen, clean, started = RawArray("q", len(runs)), True, time.monotonic()
    jobs = sorted(enumerate(runs), key=lambda job: -job[1].states)
    with Pool(min(cpu_count(), len(runs)), _progress.append, (seen,)) as pool:
        waiting = [pool.apply_async(_work, (job,)) for job in jobs]
        while waiting:
            _bar(sum(seen), sum(run.states for run in runs), time.monotonic() - started)
            time.sleep(0.2)
            for done in [result for result in waiting if result.ready()]:
                waiting.remove(done)
                index, outcome, seconds = done.get()
                clean &= _report(runs[index], outcome, seconds)
    print(f"\r{sum(seen):,} states in {time.monotonic() - started:.0f} s".ljust(79))
    return clean


def _bar(states: int, whole: int, seconds: float) -> None:
    if sys.stdout.isatty():
        filled = min(30, 30 * states // max(1, whole))
        bar = "█" * filled + "░" * (30 - filled)
        print(f"\r{bar} {states:,} of {whole:,} states, {seconds:.0f} s ", end="", flush=True)


def _report(run: Run, outcome: Outcome, seconds: float) -> bool:
    told = run.configuration
    bounds = f"{told.about}; {told.size} entries; {outcome.final} heads can be final"
    words = outcome.violation or (
        "clean" if outcome.states == run.states else f"clean, but {run.states:,} states were on record"
    )
    line = f"{told.name:20} {outcome.states:>9,} states, depth {outcome.depth:>2}, {seconds:>4.0f} s  {words}"
    print(f"\r{line:79}\n{'':20} {bounds}", flush=True)
    return words == "clean"


def _variants(variants: tuple[Variant, ...]) -> bool:
    """Tell the shortest way to harm in each; whether there is one each time."""
    found = True
    for variant in variants:
        outcome = explore(Model(variant.configuration, variant.rules), trace=True)
        found &= bool(outcome.violation)
        print(f"\nVariant: {variant.name}: {outcome.violation or 'NO COUNTEREXAMPLE'}")
        for number, line in enumerate(outcome.trace):
            print(f"  {number or ' ':>2} {line}")
    return found


def main() -> int:
    """0 when every run is clean and every variant is not."""
    parser = argparse.ArgumentParser(prog="make model", description=__doc__)
    parser.add_argument("--bounded", action="store_true", help="the smaller bounds of every submission")
    arguments = parser.parse_args()
    clean = _whole(BOUNDED if arguments.bounded else WHOLE)
    return 0 if _variants(VARIANTS if arguments.bounded else VARIANTS + BEYOND) and clean else 1


if __name__ == "__main__":
    sys.exit(main())
