"""A role's disk is full, or read-only: it ends with one line before anything leaves, and goes on once there is room."""

from __future__ import annotations

import errno
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from strongroom.errors import StrongroomError
from strongroom.lab import processes, roles
from strongroom.lab.layout import NODES
from tests.e2e.conftest import Lab

pytestmark = pytest.mark.root
WEI = 10**15
ROOM = 2 << 20
"""Bytes that are free before the disk is filled."""


@contextmanager
def disk_of_its_own(lab: Lab, role: str) -> Iterator[Path]:
    """The role's home on a small file system, the role running; afterwards back where it was."""
    home, kept = lab.layout.home(role), lab.layout.base / f"{role}-kept"
    processes.stop(lab.layout, [role])
    size = ROOM + sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    home.rename(kept)
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", home], check=True)
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", home], check=True)
        lab.start(role)
        yield home
    finally:
        processes.stop(lab.layout, [role])
        shutil.rmtree(kept)
        subprocess.run(["cp", "-a", home, kept], check=True)
        until_done("umount", str(home))
        home.rmdir()
        kept.rename(home)


def remounted(home: Path, how: str) -> None:
    until_done("mount", "-o", f"remount,{how}", str(home))


def until_done(*command: str) -> None:
    """Run a command until it succeeds: the threads of a killed process close their files a moment after it is gone."""
    for _ in range(50):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(done.stderr)


def fill(path: Path) -> None:
    try:
        with path.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                continue
    except OSError as error:
        assert error.errno == errno.ENOSPC


def ends_with_one_line(lab: Lab, role: str, said_before: int) -> None:
    processes.wait_until_gone(lab.layout, role)
    said = lab.layout.log(role).read_text()[said_before:]
    assert len(re.findall(r"(?:disk|store) fails: |Read-only file system", said)) == 1, said
    assert "Traceback" not in said


def length(lab: Lab, role: str) -> int:
    return len(lab.layout.log(role).read_text())


@pytest.mark.parametrize("role", ["coordinator", "signer-1", "guardian-1"])
def test_a_full_disk_ends_the_role_and_it_goes_on_once_there_is_room(lab: Lab, role: str) -> None:
    to = "0x" + secrets.token_hex(20)
    with disk_of_its_own(lab, role) as home:
        before = length(lab, role)
        fill(home / "filling")
        body = lab.proposal(to, WEI)
        if role == "coordinator":
            with pytest.raises(StrongroomError) as failed:
                lab.actions.api.post("/v1/transfers", body)
            assert failed.value.code == "lab.api", "a proposal that is not durable is not answered"
        else:
            lab.actions.api.post("/v1/transfers", body)
        ends_with_one_line(lab, role, before)
        before = length(lab, role)
        roles.start(lab.layout, role)
        ends_with_one_line(lab, role, before)
        (home / "filling").unlink()
        lab.start(role)
        completes_once(lab, to, body)
    lab.start(role)


@pytest.mark.parametrize("role", ["coordinator", "signer-1"])
def test_a_read_only_disk_is_named_at_the_start(lab: Lab, role: str) -> None:
    to = "0x" + secrets.token_hex(20)
    with disk_of_its_own(lab, role) as home:
        body = lab.proposal(to, WEI)
        lab.kill(role)
        remounted(home, "ro")
        before = length(lab, role)
        roles.start(lab.layout, role)
        ends_with_one_line(lab, role, before)
        remounted(home, "rw")
        lab.start(role)
        completes_once(lab, to, body)
    lab.start(role)


def completes_once(lab: Lab, to: str, body: dict[str, Any]) -> None:
    transfer = lab.actions.api.post("/v1/transfers", body)
    lab.actions.watch(transfer["id"], lambda doc: doc["status"] == "completed")
    assert lab.actions.rpc.balance(to) == WEI
    lab.actions.agreed_digest(len(NODES))
