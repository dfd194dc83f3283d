"""The integrator's examples of the documentation, pasted into a shell while the lab runs, make transfers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Lab

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/guides/integrator.md")


def examples(page: str) -> list[str]:
    """The shell blocks of a page that post a transfer."""
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"))
    return [block for block in blocks if "/v1/transfers" in block]


EXAMPLES = [(page, number, text) for page in PAGES for number, text in enumerate(examples(page))]


def test_the_readme_shows_one_example_of_the_guide_s_two() -> None:
    readme, guide = (examples(page) for page in PAGES)
    assert len(readme) == 1 and "python" in readme[0]
    assert set(readme) < set(guide) and any("curl" in text for text in guide)


@pytest.mark.parametrize(("page", "number", "text"), EXAMPLES, ids=[f"{page} {n}" for page, n, _ in EXAMPLES])
def test_a_pasted_example_makes_a_transfer(lab: Lab, page: str, number: int, text: str) -> None:
    environment = lab.directory / ".venv"
    if not environment.exists():
        environment.symlink_to(sys.prefix)
    done = subprocess.run(
        ["bash", "-c", text], cwd=lab.directory, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    made = json.loads(done.stdout)
    to = made["to"]["address"].lower()
    document = lab.actions.watch(made["id"], lambda doc: doc["status"] == "completed")
    assert document["amount"]["base_units"] == str(10**16)
    receipt = lab.actions.rpc.receipt(document["txid"])
    assert receipt is not None and receipt["status"] == "0x1" and receipt["to"] == to


def test_the_readme_s_commands_for_looking_around_work(lab: Lab) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Look around\n")[2].partition("\n## ")[0]
    commands = re.findall(r"(?m)^\.venv/bin/strongroom (.*?)(?: +#.*)?$", text)
    assert len(commands) >= 3
    for command in commands:
        done = lab.command(*command.split())
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
