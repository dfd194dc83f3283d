"""The log as somebody else has kept it: in a stopped node's home, or in an audit bundle."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.audit.bundle import BundleReader
from strongroom.cli.homes import node_settings
from strongroom.errors import InvalidInput
from strongroom.signer.disk import Disk

_CHUNK: Final = 1000
_RELAY: Final = "127.0.0.1:7701"
"""Where nodes dial a coordinator that says nothing else."""


@dataclass(frozen=True, slots=True)
class Replica:
    """Raw entries in order, quorum-cosigned notes over them, the workspace, and where its node dials."""

    entries: Iterator[bytes]
    notes: tuple[str, ...]
    workspace: str
    relay: str


@contextmanager
def opened(source: Path) -> Iterator[Replica]:
    """The log of a node's home or of a bundle file; raises InvalidInput restore.source, home.in_use, AuditFailed."""
    if source.is_dir():
        with tempfile.TemporaryDirectory() as scratch:
            yield _of_node(source, Path(scratch))
    else:
        try:
            with source.open("rb") as file:
                note = _note_of(BundleReader(file))
                file.seek(0)
                reader = BundleReader(file)
                yield Replica((line.raw for line in reader.lines()), (note,), reader.workspace, _RELAY)
        except OSError as error:
            raise InvalidInput("restore.source", f"cannot read {source}: {error.strerror}") from None


def _note_of(reader: BundleReader) -> str:
    for _ in reader.lines():
        continue
    return reader.note()


def _of_node(home: Path, scratch: Path) -> Replica:
    """A copy is read, so that nothing in the home changes, be it who it may that reads."""
    settings = node_settings(home)
    try:
        with (home / "lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                remedy = "stop it for a moment, or restore from a bundle"
                raise InvalidInput("home.in_use", f"a process runs on {home}", remedy) from None
            for path in home.glob("node.db*"):
                shutil.copyfile(path, scratch / path.name)
    except OSError as error:
        raise InvalidInput("restore.source", f"cannot read {home}: {error.strerror}") from None
    disk = Disk(sqlite3.connect(scratch / "node.db"))
    notes = tuple(fact["note"] for fact in disk.all("note").values())
    if not notes or not disk.entries(0, 1):  # a node may have begun in the middle, from a snapshot
        remedy = "take another node's home, or a bundle"
        raise InvalidInput("restore.source", f"{home} holds no log from its beginning to a quorum's checkpoint", remedy)
    return Replica(_entries(disk), notes, settings["workspace"], settings["relay"])


def _entries(disk: Disk) -> Iterator[bytes]:
    start = 0
    while chunk := disk.entries(start, start + _CHUNK):
        yield from chunk
        start += len(chunk)
