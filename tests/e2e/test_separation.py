"""Roles run under users of their own; signers listen on nothing; shares are out of the coordinator's reach."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from strongroom.lab import roles
from strongroom.lab.layout import NODES, SIGNERS
from strongroom.lab.users import as_user, user_of
from tests.e2e.conftest import Lab


def listening() -> dict[int, set[str]]:
    """Process → the addresses that it listens on, as `ss -ltnp` says."""
    said = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    found: dict[int, set[str]] = {}
    for line in said.splitlines():
        for pid in re.findall(r"pid=([0-9]+)", line):
            found.setdefault(int(pid), set()).add(line.split()[3])
    return found


def as_role(role: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(as_user(user_of(role), command), capture_output=True, text=True, check=False)


@pytest.mark.root
def test_every_role_is_a_process_under_its_own_user(lab: Lab) -> None:
    said = subprocess.run(["ps", "-ewwo", "pid=,user:32=,args="], capture_output=True, text=True, check=True).stdout
    rows = {int(row.split()[0]): row.split(None, 2)[1:] for row in said.splitlines()}
    for role in roles.ALL:
        user, arguments = rows[lab.pid(role)]
        assert user == f"strongroom-{role}"
        assert str(lab.layout.home(role)) in arguments
    assert len({rows[lab.pid(role)][0] for role in roles.ALL}) == len(roles.ALL)


@pytest.mark.root
def test_no_role_keeps_a_privilege(lab: Lab) -> None:
    for role in roles.ALL:
        status = Path(f"/proc/{lab.pid(role)}/status").read_text()
        for line in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
            assert re.search(rf"(?m)^{line}:\s*0+$", status), (role, line)
        assert re.search(r"(?m)^NoNewPrivs:\s*1$", status), role
        groups = re.search(r"(?m)^Groups:(.*)$", status)
        assert groups is not None and groups[1].strip() == "", role


@pytest.mark.root
def test_every_role_is_confined_and_its_memory_is_closed_to_its_own_user(lab: Lab) -> None:
    for role in roles.ROLES:
        assert re.search(r"(?m)^Seccomp:\s*2$", Path(f"/proc/{lab.pid(role)}/status").read_text()), role
        log = lab.layout.log(role).read_text(errors="replace")
        assert "confined: no new privileges, no core dumps, Landlock version " in log
        for part in ("mem", "environ", "maps"):
            assert as_role(role, "head", "-c1", f"/proc/{lab.pid(role)}/{part}").returncode != 0, (role, part)
        limits = Path(f"/proc/{lab.pid(role)}/limits").read_text()
        assert re.search(r"(?m)^Max core file size\s+0\s+0\s", limits), role


def test_signers_and_guardian_listen_on_nothing(lab: Lab) -> None:
    found = listening()
    for name in NODES:
        assert lab.pid(name) not in found, name


def test_the_coordinator_listens_on_this_machine_only(lab: Lab) -> None:
    ports = lab.settings.ports
    assert listening()[lab.pid("coordinator")] == {f"127.0.0.1:{ports['api']}", f"127.0.0.1:{ports['relay']}"}
    assert listening()[lab.pid("relay")] == {lab.settings.stop_relay}
    assert listening()[lab.pid("chain")] == {f"127.0.0.1:{ports['chain']}"}


def test_homes_and_what_is_in_them_belong_to_their_role_alone(lab: Lab) -> None:
    for role in roles.ALL:
        home = lab.layout.home(role)
        owner = user_of(role)
        for path in (home, *home.rglob("*")):
            status = path.stat()
            assert status.st_uid == (owner.uid if owner else os.getuid()), path
        assert home.stat().st_mode & 0o777 == 0o700, home
    for name in NODES:
        keys = [path for path in lab.layout.home(name).iterdir() if path.suffix == ".key"]
        assert keys and all(path.stat().st_mode & 0o777 == 0o600 for path in keys), name


@pytest.mark.root
def test_the_coordinator_s_user_reads_no_share_and_no_memory_of_a_signer(lab: Lab) -> None:
    for name in SIGNERS:
        for path in (lab.layout.home(name) / "seal.key", lab.layout.home(name) / "node.db"):
            assert path.exists(), path
            assert as_role("coordinator", "cat", str(path)).returncode != 0
            assert as_role(name, "test", "-r", str(path)).returncode == 0
        assert as_role("coordinator", "ls", str(lab.layout.home(name))).returncode != 0
        assert as_role("coordinator", "head", "-c1", f"/proc/{lab.pid(name)}/mem").returncode != 0
        assert as_role("coordinator", "cat", f"/proc/{lab.pid(name)}/environ").returncode != 0
        assert as_role("coordinator", "kill", "-0", str(lab.pid(name))).returncode != 0


def test_no_secret_is_in_a_log_or_a_command_line(lab: Lab) -> None:
    for role in roles.ALL:
        command = Path(f"/proc/{lab.pid(role)}/cmdline").read_text()
        for text in (lab.layout.log(role).read_text(errors="replace"), command):
            assert "PRIVATE KEY" not in text
