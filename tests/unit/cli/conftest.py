"""A coordinator that listens on 127.0.0.1, and the profiles of its members."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

import strongroom
from strongroom.api.app import create_app
from strongroom.cli.main import run
from strongroom.documents.keyfile import save_key
from tests.unit.api.coordinator import Coordinator
from tests.workspace import START, Workspace

SRC = Path(strongroom.__file__).parents[1]  # where the package is installed, or the checkout


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Cli = Callable[..., Result]


@dataclass
class Site:
    """A running API, its coordinator, and a directory with a profile for each member."""

    url: str
    coordinator: Coordinator
    base: Path

    def profile(self, name: str) -> Path:
        directory = self.base / name
        if not directory.exists():
            directory.mkdir(mode=0o700)
            save_key(self.coordinator.log.keys[name], directory / "key.pem")
            text = f'api = "{self.url}"\nworkspace = "{self.coordinator.workspace}"\nperson = "{name}"\n'
            (directory / "profile.toml").write_text(text)
        return directory


@pytest.fixture(scope="session")
def started() -> Workspace:
    """A workspace of today: the command line signs with this machine's clock."""
    now = time.time_ns() // 1_000_000
    workspace = Workspace(start=now)
    workspace.policy["expires"] += now - START
    return workspace.ready()


@pytest.fixture
def site(started: Workspace, tmp_path: Path) -> Iterator[Site]:
    coordinator = Coordinator(started.clone())
    config = uvicorn.Config(create_app(coordinator), host="127.0.0.1", port=0, log_level="error", loop="asyncio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(f"http://127.0.0.1:{port}", coordinator, tmp_path)
    server.should_exit = True
    thread.join()


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run one command line in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRONGROOM_PROFILE", raising=False)

    def called(*arguments: object) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return called


@pytest.fixture
def shell(tmp_path: Path) -> Cli:
    """Run one command line as a process of its own."""

    def called(*arguments: object, stdin: str = "") -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "strongroom.cli", *map(str, arguments)],
            input=stdin, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60,
            env={"PYTHONPATH": str(SRC), "PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    return called
