"""A role of the lab under observation: the product's own process, which notes its stages or where its time goes.

usage: python role.py coordinator|node HOME trace|sample FILE   (copied into the role's home)
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
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


class Samples:
    """What the main thread was doing at each tick of processor time: a profile that costs next to nothing."""

    EVERY = 0.001  # seconds; the kernel makes it as long as its own tick, commonly 4 ms

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self.whole: Counter[str] = Counter()
        self.taken = 0

    def start(self) -> None:
        """From now on."""
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, self.EVERY, self.EVERY)

    def _take(self, _number: int, frame: FrameType | None) -> None:
        self.taken += 1
        seen: set[str] = set()
        while frame is not None:
            code = frame.f_code
            where = f"{'/'.join(code.co_filename.split('/')[-3:])}:{code.co_firstlineno} {code.co_qualname}"
            if not seen:
                self.own[where] += 1
            seen.add(where)
            frame = frame.f_back
        self.whole.update(seen)

    def to_doc(self) -> dict[str, Any]:
        """Milliseconds by function: its own, and with all that it calls; other threads' work is spread over them."""
        ms = time.process_time() * 1e3
        tick = ms / max(1, self.taken)
        scaled = [{name: count * tick for name, count in table.items()} for table in (self.own, self.whole)]
        return {"ms": ms, "samples": self.taken, "own": scaled[0], "whole": scaled[1]}


def main() -> None:
    """The process; what it has noted is in FILE once it has ended."""
    role, home, what, file = sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    run: Callable[[Path], None]
    if role == "coordinator":
        from strongroom.cli.roles import run_coordinator as run
    else:
        from strongroom.cli.roles import run_node as run
    if what == "sample":
        samples = Samples()
        samples.start()
        try:
            run(home)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            file.write_text(json.dumps(samples.to_doc()), encoding="utf-8")
        return
    trace = Trace()
    watch_coordinator(trace)
    try:
        run(home)
    finally:
        file.write_text(json.dumps(trace.moments), encoding="utf-8")


if __name__ == "__main__":
    main()
