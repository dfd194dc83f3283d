"""Where a lab keeps its state: `.lab` in the current directory, with one home for each role."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any, Final

from strongroom.errors import InvalidInput

SIGNERS: Final = ("signer-1", "signer-2", "signer-3")
GUARDIANS: Final = ("guardian-1",)
NODES: Final = (*SIGNERS, *GUARDIANS)
PEOPLE: Final = ("alice", "bob", "carol")
SERVICES: Final = ("exchange",)

SHARED: Final = Path("/var/lib/strongroom")
"""Root's labs lie here: roles run as other users, who can pass through it, but not through root's directories."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one lab; `base` is the directory that `.lab` is or points to."""

    base: Path

    def home(self, role: str) -> Path:
        """The home of `chain`, `coordinator` or a node."""
        return self.base / role

    def member(self, name: str) -> Path:
        """The profile directory of a person or a service."""
        return self.base / ("services" if name in SERVICES else "people") / name

    @property
    def lab_json(self) -> Path:
        """What a program needs to use the lab; holds no secret."""
        return self.base / "lab.json"

    @property
    def demo_json(self) -> Path:
        """What the last demo did."""
        return self.base / "demo.json"

    def log(self, role: str) -> Path:
        """What a role's process says."""
        return self.base / "logs" / f"{role}.log"

    def pid(self, role: str) -> Path:
        """Which process is the role's."""
        return self.base / "run" / f"{role}.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One `up`, `down` or `demo` at a time."""
        with (self.base / "lock").open("w") as file:
            flock(file, LOCK_EX)
            yield


def locate(directory: Path) -> Layout:
    """The lab of a directory; raises InvalidInput lab.none."""
    link = directory / ".lab"
    if not link.is_dir():
        raise InvalidInput("lab.none", f"there is no lab in {directory}", "start one: strongroom lab up")
    return Layout(link.resolve())


def prepare(directory: Path) -> Layout:
    """The lab of a directory, its empty directories made when it is new."""
    link = directory / ".lab"
    if os.geteuid() == 0 and not link.exists():
        name = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:12]
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        (SHARED / f"lab-{name}").mkdir(mode=0o711, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(SHARED / f"lab-{name}")
    link.mkdir(mode=0o711, exist_ok=True)
    layout = Layout(link.resolve())
    for name in ("logs", "run", "people", "services"):
        (layout.base / name).mkdir(mode=0o700, exist_ok=True)
    return layout


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that the lab wrote; {} when there is none."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise InvalidInput("lab.state", f"{path} is damaged", "strongroom lab down --erase, and start anew") from None
    return found if isinstance(found, dict) else {}


def write_json(path: Path, doc: dict[str, Any]) -> None:
    """Replace a JSON file as a whole: a reader never sees half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(doc, indent=2, ensure_ascii=False) + "\n")
    part.replace(path)
