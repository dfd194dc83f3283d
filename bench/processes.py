"""Starting processes for a benchmark, ending them, and what processor time they have used."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
PATIENCE: Final = 30.0


class Processes:
    """Children that are ended with the block, by their process ids alone; each has a file for its last words."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.children: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self.children.values():
            child.terminate()
        for child in self.children.values():
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def python(self, name: str, module: str, *arguments: str) -> subprocess.Popen[str]:
        """A module of this checkout in a process of its own, with pipes for its input and output."""
        with (self._directory / f"{name}.stderr").open("w", encoding="utf-8") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1,
            )  # fmt: skip
        self.children[name] = child
        return child

    def line(self, name: str) -> str:
        """The next line that a child prints; raises RuntimeError with its last words when it has ended."""
        stream = self.children[name].stdout
        line = stream.readline() if stream else ""
        if not line:
            raise RuntimeError(f"process {name} ended: {self.last_words()}")
        return line

    def last_words(self) -> str:
        """What the children have said on their error streams, the end of each."""
        said = {name: (self._directory / f"{name}.stderr").read_text(encoding="utf-8") for name in self.children}
        return "; ".join(f"{name}: {words.strip()[-400:]}" for name, words in said.items() if words.strip())

    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: child.pid for name, child in self.children.items()}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, its threads included (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Meter:
    """Processor seconds that processes use between `start` and `read`, by name."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._before = {name: cpu_seconds(pid) for name, pid in pids.items()}

    def read(self) -> dict[str, float]:
        """Seconds by name since it was made."""
        return {name: cpu_seconds(pid) - self._before[name] for name, pid in self._pids.items()}


def free_ports(count: int) -> list[int]:
    """TCP ports on 127.0.0.1 that nothing listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return [int(port) for port in ports]
