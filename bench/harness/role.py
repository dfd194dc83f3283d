"""A role of the lab under observation: the product's own process, which notes its stages or where its time goes.

usage: python role.py coordinator|node HOME trace|profile FILE   (copied into the role's home)
"""

from __future__ import annotations

import cProfile
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Trace:
    """Moments (unix ns) by name, written when the process ends."""

    def __init__(self) -> None:
        self.moments: list[tuple[int, str]] = []

    def note(self, name: str) -> None:
        """Now."""
        self.moments.append((time.time_ns(), name))

    def around(self, owner: Any, method: str, before: str = "", after: str = "") -> None:
        """Note the beginning and the end of a method, awaited or not."""
        original = getattr(owner, method)

        def called(*given: Any, **named: Any) -> Any:
            if before:
                self.note(before)
            result = original(*given, **named)
            if hasattr(result, "__await__"):
                return self._awaited(result, after)
            if after:
                self.note(after)
            return result

        setattr(owner, method, called)

    async def _awaited(self, result: Any, after: str) -> Any:
        found = await result
        if after:
            self.note(after)
        return found


def watch_coordinator(trace: Trace) -> None:
    """The stages of a transfer, at the coordinator's own seams."""
    from strongroom.coordinator.chain import Chain
    from strongroom.coordinator.history import History
    from strongroom.coordinator.sequencer import Sequencer
    from strongroom.coordinator.service import Service
    from strongroom.coordinator.sessions import Sessions
    from strongroom.store.records import Records

    trace.around(Service, "submit", before="submitted")
    trace.around(Sequencer, "durable", before="decided", after="durable")
    trace.around(Sequencer, "offer", before="offered")
    trace.around(Sequencer, "_ask_cosign", before="accepted")
    trace.around(History, "advance", before="cosigned")
    trace.around(Sessions, "run", before="signing", after="signature")
    trace.around(Records, "put_signed", after="kept")
    trace.around(Chain, "send", before="sending", after="sent")


def main() -> None:
    """The process; what it has noted is in FILE once it has ended."""
    role, home, what, file = sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    run: Callable[[Path], None]
    if role == "coordinator":
        from strongroom.cli.roles import run_coordinator as run
    else:
        from strongroom.cli.roles import run_node as run
    if what == "profile":
        profile = cProfile.Profile(time.thread_time)  # waiting does not count
        try:
            profile.runcall(run, home)
        finally:
            profile.dump_stats(file)
        return
    trace = Trace()
    watch_coordinator(trace)
    try:
        run(home)
    finally:
        file.write_text(json.dumps(trace.moments), encoding="utf-8")


if __name__ == "__main__":
    main()
