"""A lab of real processes for the end-to-end tests: brought up by the command that people use, ended with the run."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.lab import processes, roles, workspace
from strongroom.lab.actions import WALLET, Actions
from strongroom.lab.chain import CHAIN, ETH_ASSET
from strongroom.lab.layout import Layout, locate
from strongroom.lab.workspace import Settings


class Lab:
    """One lab, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def command(self, *arguments: str, profile: str = "", seconds: int = 300) -> subprocess.CompletedProcess[str]:
        """Run `strongroom ARGUMENTS` in the lab's directory, as a person or service of the lab."""
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
        if profile:
            environment["STRONGROOM_PROFILE"] = str(self.layout.member(profile))
        return subprocess.run(
            [*processes.program(), *arguments],
            cwd=self.directory, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip

    @property
    def layout(self) -> Layout:
        return locate(self.directory)

    @property
    def settings(self) -> Settings:
        return workspace.load(self.layout)

    @property
    def actions(self) -> Actions:
        return Actions(self.layout, self.settings)

    @property
    def told(self) -> dict[str, Any]:
        """What the demonstration wrote."""
        doc: dict[str, Any] = json.loads(self.layout.demo_json.read_text())
        return doc

    def pid(self, role: str) -> int:
        """The process of a running role."""
        pid = processes.running(self.layout, role)
        assert pid is not None, f"{role} does not run"
        return pid

    def now(self) -> int:
        """Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def kill(self, role: str) -> None:
        """kill -9."""
        processes.kill(self.layout, role)

    def start(self, *names: str) -> None:
        """Start roles again and wait until they take part."""
        for name in names:
            roles.start(self.layout, name)
        roles.wait_for_api(self.layout, self.settings)
        roles.wait_for_nodes(self.layout, self.settings, tuple(name for name in names if name in roles.NODES))

    def proposal(self, to: str, wei: int) -> dict[str, Any]:
        """A signed proposal of the service, which may be handed in more than once, word for word."""
        subject = {"from": WALLET, "to": f"{CHAIN}:{to}", "asset": ETH_ASSET, "amount": str(wei), "why": "e2e"}
        subject |= {"until": self.now() + 600_000, "idempotency": secrets.token_hex(8)}
        return self.actions.member("exchange").sign("transfer.propose", subject)

    def remove(self) -> None:
        """Stop everything and leave nothing."""
        if not (self.directory / ".lab").exists():
            return
        layout = self.layout
        processes.stop(layout, roles.ALL, patience=5)
        shutil.rmtree(layout.base)


def linked(directory: Path) -> Path:
    """The directory of a lab; in a checkout without its set-up, with what the set-up would have installed."""
    if not (Path(sys.prefix) / "libexec/anvil").exists():
        for name in ("node_modules", "contracts"):
            (directory / name).symlink_to(Path(__file__).parents[2] / name)
    return directory


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab on which the demonstration has run; all roles run when a test begins."""
    made = Lab(linked(tmp_path_factory.mktemp("lab")))
    try:
        done = made.command("lab", "demo", seconds=500)
        assert done.returncode == 0, done.stdout + done.stderr
        (made.directory / "demo.out").write_text(done.stdout)
        yield made
    finally:
        made.remove()


@pytest.fixture(autouse=True)
def everything_runs(lab: Lab) -> None:
    """Each test begins with every role running."""
    lab.start(*(role for role in roles.ROLES if processes.running(lab.layout, role) is None))
