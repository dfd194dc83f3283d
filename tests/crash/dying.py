"""A role as it is, which kills itself (-9) on the COUNT-th pass of a fault point: dying.py ROLE HOME POINT COUNT."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

EDGES = ("before", "after")
SUBMITTED = ("proposed", "authorized", "signed", "completed", "refreshed")
FRAMES = ("append", "cosign", "checkpoint", "sign", "peer", "refresh", "challenge", "answer")
DURABLE = ("flight", "signature", "share", "erase", "commit")
COORDINATOR = (
    *(f"{kind} {edge}" for kind in (*SUBMITTED, "sign", "keep", "send", "commit") for edge in EDGES),
    "cosigned after",
)
"""Entries appended; a signature asked for, kept, broadcast; a database transaction; a head that became final."""
NODE = tuple(f"{what} {edge}" for what in (*FRAMES, *DURABLE) for edge in EDGES)
"""Frames handled; a probe's record, a finished signature, a share, an old share's end; a commit.

After: done, and not a byte of it has left.
"""
REFRESH = ("refreshed", "refresh", "share", "erase")
"""What only a refresh of the key passes."""
SIGNER_ONLY = ("sign", "peer", "flight", "signature", *REFRESH)


def points_of(role: str) -> tuple[str, ...]:
    """The fault points that a role of that name passes."""
    if role == "coordinator":
        return COORDINATOR
    if role == "relay":
        return ()  # it keeps nothing
    return tuple(p for p in NODE if not role.startswith("guardian") or p.split()[0] not in SIGNER_ONLY)


class Fuse:
    """Counts the passes of one point, and ends the process."""

    def __init__(self, point: str, count: int) -> None:
        self.point, self._left = point, count
        self.what, self._edge = point.split()

    def passed(self, what: str, edge: str) -> None:
        """The process comes by a point."""
        if (what, edge) == (self.what, self._edge):
            self._left -= 1
            if self._left == 0:
                os.write(2, f"DIES {self.point}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, method: str, what: str | Callable[..., str]) -> None:
        """Both edges of a method, awaited or not; `what` may be told by its arguments."""
        original = getattr(owner, method)

        def call(*given: Any, **named: Any) -> Any:
            name = what if isinstance(what, str) else what(*given)
            self.passed(name, "before")
            result = original(*given, **named)
            if hasattr(result, "__await__"):
                return self._awaited(name, result)
            self.passed(name, "after")
            return result

        setattr(owner, method, call)

    async def _awaited(self, name: str, result: Any) -> Any:
        found = await result
        self.passed(name, "after")
        return found


def arm_coordinator(fuse: Fuse) -> None:
    """The seams between a transfer's stages, and the database's commit."""
    from strongroom.coordinator.chain import Chain
    from strongroom.coordinator.sequencer import Sequencer
    from strongroom.coordinator.sessions import Sessions
    from strongroom.store.database import Database
    from strongroom.store.records import Records

    fuse.around(Sequencer, "submit", lambda self, kind, *rest: kind.rpartition(".")[2])
    fuse.around(Sessions, "run", lambda self, kind, *rest: kind)
    fuse.around(Records, "put_signed", "keep")
    fuse.around(Chain, "send", "send")
    took, transaction = Sequencer.take_cosignature, Database.transaction

    def take_cosignature(self: Sequencer, *given: Any) -> None:
        before = self.history.cosigned.size
        took(self, *given)
        if self.history.cosigned.size > before:
            fuse.passed("cosigned", "after")

    @contextmanager
    def committed(self: Database) -> Iterator[Any]:
        with transaction(self) as connection:
            yield connection
            fuse.passed("commit", "before")
        fuse.passed("commit", "after")

    Sequencer.take_cosignature = take_cosignature  # type: ignore[method-assign]
    Database.transaction = committed  # type: ignore[method-assign]


def arm_node(fuse: Fuse) -> None:
    """Frames, commits, and what a signing session makes durable."""
    from strongroom.signer.disk import Disk
    from strongroom.signer.node import Node
    from strongroom.signer.probes import Probes

    fuse.around(Node, "receive", lambda self, frame: frame.kind)
    fuse.around(Disk, "commit", "commit")
    fuse.around(Disk, "put", _tell)
    fuse.around(Disk, "erase", "erase")
    fuse.around(Probes, "begin", "flight")


def _tell(_disk: Any, kind: str, name: str, value: dict[str, Any]) -> str:
    """What is put; how far a pair's budget is used is told, for a refresh forgets it."""
    if kind == "probes":
        os.write(2, f"PROBES {value['used']} {value['peer']}\n".encode())
    return kind


def main() -> None:
    """Run the role of the product; with a count of 0 it never dies of itself."""
    role, home, point, count = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    from strongroom.cli.roles import run_coordinator, run_node, run_relay

    fuse = Fuse(point, count)
    if role == "coordinator":
        arm_coordinator(fuse)
        run_coordinator(home)
    elif role == "relay":
        run_relay(home)
    else:
        arm_node(fuse)
        run_node(home)


if __name__ == "__main__":
    main()
