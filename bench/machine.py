"""The machine that figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Processor, cores, memory, kernel, compilers, and how busy it is; nothing that names the host."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "rustc": _version("rustc", "--version"),
        "go": _version("go", "version"),
        "load": round(os.getloadavg()[0], 2),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


class Neighbours:
    """How much of the machine others used from its making to `share`: what makes figures worse than they are."""

    def __init__(self) -> None:
        self._wall, self._busy, self._own = time.monotonic(), _busy(), _own()

    def share(self) -> float:
        """Processor time of others as a share (0 to 1) of all cores'; children count as own once they have ended."""
        wall = (time.monotonic() - self._wall) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, (_busy() - self._busy - (_own() - self._own)) / wall)) if wall else 0.0


def _busy() -> float:
    """Seconds that all cores have worked: proc(5), /proc/stat, everything but idle and iowait."""
    fields = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:9]
    return (sum(map(int, fields)) - int(fields[3]) - int(fields[4])) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    return sum(os.times()[:4])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return "not here"
    return done.stdout.strip()
