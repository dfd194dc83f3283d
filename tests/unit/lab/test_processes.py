"""Role processes: they outlive their starter, end in order, and a pid alone is not believed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import strongroom
from strongroom.errors import InvalidInput, Unreachable
from strongroom.lab import processes
from strongroom.lab.down import erase
from strongroom.lab.layout import Layout, locate, prepare, read_json, write_json

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    base = tmp_path / "lab"
    for name in ("run", "logs"):
        (base / name).mkdir(parents=True)
    return Layout(base)


def start(layout: Layout, *command: str) -> int:
    return processes.start(layout, "role", command, None, layout.base)


def test_a_role_runs_and_ends_on_request(layout: Layout) -> None:
    pid = start(layout, "sleep", "600")
    assert processes.running(layout, "role") == pid
    assert os.getsid(pid) == pid, "a session of its own: the starter's end is not its end"
    assert processes.stop(layout, ["role"]) == []
    assert processes.running(layout, "role") is None


def test_who_does_not_heed_the_request_is_killed(layout: Layout) -> None:
    start(layout, sys.executable, "-c", STUBBORN)
    processes.wait_until(layout, "role", lambda: layout.log("role").read_text() == "up\n")
    assert processes.stop(layout, ["role"], patience=0.1) == ["role"]
    assert processes.running(layout, "role") is None


def test_a_killed_role_is_not_running_though_its_parent_never_waited(layout: Layout) -> None:
    start(layout, "sleep", "600")
    processes.kill(layout, "role")
    assert processes.running(layout, "role") is None
    processes.kill(layout, "role")


def test_another_process_with_the_noted_pid_is_not_the_role(layout: Layout) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        write_json(layout.pid("role"), {"pid": other.pid, "born": 1})
        assert processes.running(layout, "role") is None
        assert processes.stop(layout, ["role"]) == [] and other.poll() is None
        other.kill()


def test_a_role_that_ends_early_is_told_with_its_last_words(layout: Layout) -> None:
    start(layout, sys.executable, "-c", "raise SystemExit('config.syntax: no such port')")
    with pytest.raises(Unreachable, match=r"role has ended: config\.syntax: no such port"):
        processes.wait_until(layout, "role", lambda: False)


def test_a_role_that_never_gets_ready_is_told(layout: Layout) -> None:
    start(layout, "sleep", "600")
    with pytest.raises(Unreachable, match="not ready"):
        processes.wait_until(layout, "role", lambda: False, patience=0.1)
    processes.stop(layout, ["role"])


def test_a_role_that_started_before_the_software_was_installed_is_outdated(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(layout, "sleep", "600")
    assert not processes.is_outdated(layout, "role")
    package = tmp_path / "strongroom"
    package.mkdir()
    (package / "__init__.py").touch()
    os.utime(package / "__init__.py", (0, 0))  # wheels carry old times; when a file came is another matter
    monkeypatch.setattr(strongroom, "__file__", str(package / "__init__.py"))
    assert processes.is_outdated(layout, "role")
    processes.stop(layout, ["role"])


def test_roles_see_no_secret_of_the_caller(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_PROFILE", "/somewhere")
    monkeypatch.setenv("PYTHONPATH", "src")
    seen = processes.environment(layout.base)
    assert "STRONGROOM_PROFILE" not in seen and seen["HOME"] == str(layout.base)
    assert Path(seen["PYTHONPATH"]).is_absolute()


def test_core_dumps_are_off(layout: Layout) -> None:
    pid = start(layout, "sleep", "600")
    limits = Path(f"/proc/{pid}/limits")
    processes.wait_until(layout, "role", lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    (core,) = [line for line in limits.read_text().splitlines() if line.startswith("Max core")]
    assert core.split()[4:6] == ["0", "0"]
    processes.stop(layout, ["role"])


def test_half_a_file_is_never_seen(layout: Layout) -> None:
    path = layout.base / "some.json"
    assert read_json(path) == {}
    write_json(path, {"a": 1})
    assert read_json(path) == {"a": 1} and list(layout.base.glob("*.part")) == []


def test_an_ordinary_user_s_lab_lies_in_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    layout = prepare(tmp_path)
    assert layout.base == (tmp_path / ".lab").resolve() and not (tmp_path / ".lab").is_symlink()
    assert (layout.base / "people").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("linked", [False, True])
def test_an_erased_lab_leaves_nothing(tmp_path: Path, linked: bool) -> None:
    base = tmp_path / ("elsewhere" if linked else ".lab")
    (base / "people").mkdir(parents=True)
    if linked:
        (tmp_path / ".lab").symlink_to(base)
    (tmp_path / "mine").touch()
    erase(tmp_path, locate(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(InvalidInput, match="no lab"):
        locate(tmp_path)
