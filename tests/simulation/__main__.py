"""Play seeds: `python -m tests.simulation --seeds 300`, or one again, step by step: `--seed 4711`.

Exits with 1 when an invariant is broken, and says how to replay the seed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from rich.console import Console
from rich.progress import Progress

from tests.simulation.planted import PLANTED, planted
from tests.simulation.world import STEPS, Outcome, play


def main() -> int:
    """Parse the arguments and play."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay one seed and print every step")
    parser.add_argument("--seeds", type=int, default=300, help="how many seeds to play (300)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of each seed ({STEPS})")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes (one a core)")
    parser.add_argument("--plant", choices=tuple(PLANTED), default="", help="a bug to find; stops at the first find")
    parser.add_argument("--json", action="store_true", help="the report as JSON on standard output")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of strings are walked in the order of their hashes
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    if options.seed is not None:
        with planted(options.plant):
            outcome = play(options.seed, steps=options.steps, log=print)
        print(outcome)
        return 1 if outcome.violation else 0
    return _many(options)


def _many(options: argparse.Namespace) -> int:
    seeds, began = range(options.first, options.first + options.seeds), time.monotonic()
    say = Console(stderr=True)
    played: list[Outcome] = []
    with Progress(console=say, transient=True) as progress:
        bar = progress.add_task("seeds", total=len(seeds))
        for outcome in outcomes(seeds, options.plant, options.steps, options.jobs):
            played.append(outcome)
            progress.advance(bar)
            if outcome.violation:
                progress.console.print(f"[red]seed {outcome.seed}[/] {outcome.violation}", highlight=False)
                progress.console.print(f"  replay: {replay(outcome, options.plant, options.steps)}", highlight=False)
                if options.plant:
                    break
    seconds = time.monotonic() - began
    report = {
        "seeds": len(played),
        "steps": sum(outcome.steps for outcome in played),
        "virtual_seconds": round(sum(outcome.seconds for outcome in played)),
        "last_round_messages": sum(outcome.contributions for outcome in played),
        "repairs": sum(outcome.repairs for outcome in played),
        "quorum_cosigned_heads": sum(outcome.final for outcome in played),
        "violations": [{"seed": o.seed, "invariant": o.number, "what": o.violation} for o in played if o.violation],
        "seconds": round(seconds, 1),
        "seeds_per_minute": round(len(played) * 60 / seconds),
    }
    if options.json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            print(f"{name.replace('_', ' '):24} {value if name != 'violations' else len(report['violations'])}")
    return 1 if report["violations"] else 0


def outcomes(seeds: Iterable[int], plant: str = "", steps: int = STEPS, jobs: int = 1) -> Iterator[Outcome]:
    """Play seeds, in order; a broken-off iteration plays few more."""
    with ProcessPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(partial(_one, plant=plant, steps=steps), seeds)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _one(seed: int, *, plant: str, steps: int) -> Outcome:
    with planted(plant):
        return play(seed, steps=steps)


def replay(outcome: Outcome, plant: str = "", steps: int = STEPS) -> str:
    """The command that plays a seed again, with every step."""
    more = (f" --plant {plant}" if plant else "") + (f" --steps {steps}" if steps != STEPS else "")
    return f"python -m tests.simulation --seed {outcome.seed}{more}"


if __name__ == "__main__":
    raise SystemExit(main())
