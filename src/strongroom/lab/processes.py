"""Role processes that outlive the command which starts them: pid files, logs, orderly ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import strongroom
from strongroom.errors import Unreachable
from strongroom.lab.layout import Layout, read_json, write_json
from strongroom.lab.users import User, as_user

PATIENCE_S = 60.0
"""How long a role may take to become ready, on a slow machine."""


def program() -> list[str]:
    """The command `strongroom` of this very environment."""
    installed = Path(sys.prefix) / "bin" / "strongroom"
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "strongroom.cli"]


def environment(home: Path) -> dict[str, str]:
    """What a role sees of the caller's environment: next to nothing."""
    kept = {name: os.environ[name] for name in ("LANG", "TZ") if name in os.environ}
    if "PYTHONPATH" in os.environ:  # a checkout that is not installed
        kept["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, os.environ["PYTHONPATH"].split(os.pathsep)))
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "PYTHONUNBUFFERED": "1", **kept}


def start(layout: Layout, role: str, command: Sequence[str], user: User | None, home: Path) -> int:
    """Start a role in a session of its own, its output appended to its log; returns the pid."""
    with layout.log(role).open("ab") as log:
        process = subprocess.Popen(
            as_user(user, command),
            cwd=home,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    process.returncode = 0  # it is not waited for: it outlives this object
    write_json(layout.pid(role), {"pid": process.pid, "born": _born(process.pid), "time": time.time()})
    return process.pid


def running(layout: Layout, role: str) -> int | None:
    """The pid of the role's process, while that process lives."""
    noted = read_json(layout.pid(role))
    pid, born = noted.get("pid"), noted.get("born")
    if not isinstance(pid, int):
        return None
    _reap(pid)
    return pid if born is not None and _born(pid) == born else None


def is_outdated(layout: Layout, role: str) -> bool:
    """Whether the role's process runs, and is older than the software: it may decide by other rules than its peers."""
    began = float(read_json(layout.pid(role)).get("time", 0))
    return running(layout, role) is not None and began < _changed(Path(strongroom.__file__).parent)


def _changed(package: Path) -> float:
    """When a file of the package was last written or installed, in unix seconds."""
    files = (path for pattern in ("*.py", "*.so") for path in package.rglob(pattern))
    return max(path.stat().st_ctime for path in files)


def _born(pid: int) -> int | None:
    """The process's start time in clock ticks, None for none or a zombie: a pid alone may be another's by now."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def stop(layout: Layout, roles: Iterable[str], patience: float = 15.0) -> list[str]:
    """End roles with SIGTERM, and with SIGKILL those that do not heed it; returns the names of the latter."""
    waiting = {role: pid for role in roles if (pid := running(layout, role)) is not None}
    _signal(waiting.values(), signal.SIGTERM)
    deadline = time.monotonic() + patience
    while (waiting := _still(layout, waiting)) and time.monotonic() < deadline:
        time.sleep(0.02)
    killed = list(waiting)
    _signal(waiting.values(), signal.SIGKILL)
    while waiting := _still(layout, waiting):
        time.sleep(0.02)
    return killed


def kill(layout: Layout, role: str) -> None:
    """End a role as a power cut would."""
    pid = running(layout, role)
    if pid is None:
        return
    _signal([pid], signal.SIGKILL)
    while running(layout, role) == pid:
        time.sleep(0.01)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _still(layout: Layout, roles: dict[str, int]) -> dict[str, int]:
    return {role: pid for role, pid in roles.items() if running(layout, role) == pid}


def wait_until(layout: Layout, role: str, ready: Callable[[], bool], patience: float = PATIENCE_S) -> None:
    """Wait for a started role; raises Unreachable lab.not_ready with the end of its log."""
    deadline = time.monotonic() + patience
    while not ready():
        if running(layout, role) is None:
            raise Unreachable("lab.not_ready", f"{role} has ended: {last_words(layout, role)}")
        if time.monotonic() > deadline:
            said = last_words(layout, role)
            raise Unreachable("lab.not_ready", f"{role} is not ready after {patience:.0f} s: {said}")
        time.sleep(0.03)


def wait_until_gone(layout: Layout, role: str, patience: float = PATIENCE_S) -> None:
    """Wait for a role to end by itself; raises Unreachable lab.not_ready."""
    deadline = time.monotonic() + patience
    while running(layout, role) is not None:
        if time.monotonic() > deadline:
            raise Unreachable("lab.not_ready", f"{role} still runs after {patience:.0f} s")
        time.sleep(0.03)


def last_words(layout: Layout, role: str) -> str:
    """The last line of a role's log, and where the rest is."""
    try:
        lines = layout.log(role).read_text(errors="replace").strip().splitlines()
    except FileNotFoundError:
        lines = []
    return f"{lines[-1][:300] if lines else 'it said nothing'} (see {layout.log(role)})"
