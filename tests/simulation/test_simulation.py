"""A sample of seeds holds every invariant; each planted bug is found, and the printed command shows it again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import strongroom
from tests.simulation.planted import PLANTED

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 60


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(strongroom.__file__).parents[1])}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def report(played: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(played.stdout)
    return found


def test_no_seed_of_the_sample_breaks_an_invariant() -> None:
    played = simulate("--seeds", str(SAMPLE), "--json")
    assert played.returncode == 0, played.stdout + played.stderr
    found = report(played)
    assert (found["seeds"], found["violations"]) == (SAMPLE, [])
    assert found["steps"] >= 200 * SAMPLE
    assert found["last_round_messages"] > SAMPLE and found["quorum_cosigned_heads"] > SAMPLE


def test_a_seed_replays_exactly_in_another_process() -> None:
    once, again = (simulate("--seed", "5", "--steps", "400") for _ in range(2))
    assert once.stdout == again.stdout
    assert re.search(r"trace='[0-9a-f]{16}'", once.stdout)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found_and_the_command_printed_shows_it_again(name: str) -> None:
    played = simulate("--plant", name, "--seeds", "400", "--json")
    assert played.returncode == 1, "no seed has found it"
    (violation,) = report(played)["violations"][:1]
    printed = re.search(r"replay: python -m tests\.simulation (--seed .*)", played.stderr)
    assert printed is not None, played.stderr
    replayed = simulate(*printed.group(1).split())
    assert replayed.returncode == 1
    assert violation["what"] in replayed.stdout
