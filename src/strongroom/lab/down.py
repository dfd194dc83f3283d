"""`lab down`: stop every process; the state stays, and `lab up` goes on from it."""

from __future__ import annotations

import shutil
from pathlib import Path

from strongroom.lab import processes, roles
from strongroom.lab.layout import Layout


def down(layout: Layout) -> tuple[list[str], list[str]]:
    """The roles that were running, and those of them that had to be killed."""
    was_running = [role for role in roles.ALL if processes.running(layout, role) is not None]
    killed = processes.stop(layout, (role for role in roles.ALL if role != "chain"))
    killed += processes.stop(layout, ["chain"])  # last: nobody loses a transaction to an early end
    return was_running, killed


def erase(directory: Path, layout: Layout) -> None:
    """Delete a stopped lab with everything in it: its keys, its log, its chain."""
    shutil.rmtree(layout.base)
    if (directory / ".lab").is_symlink():
        (directory / ".lab").unlink()
