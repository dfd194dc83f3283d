"""The real coordinator, which kills itself (-9) at one named point of a transfer: dying_coordinator HOME POINT."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from strongroom.api.app import create_app
from strongroom.coordinator.chain import Chain
from strongroom.coordinator.run import main
from strongroom.coordinator.sequencer import Sequencer
from strongroom.coordinator.sessions import Sessions
from strongroom.store.records import Records

POINTS = (
    *(f"{kind} {edge}" for kind in ("proposed", "authorized", "signed", "completed") for edge in ("before", "after")),
    *(f"{what} {edge}" for what in ("sign", "keep", "send") for edge in ("before", "after")),
    "cosigned",
)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Patch the one place where the process ends."""
    what, _, edge = point.partition(" ")
    submit = Sequencer.submit

    def submitting(self: Sequencer, kind: str, *rest: Any, **named: Any) -> int:
        hit = kind == f"transfer.{what}"
        if hit and edge == "before":
            die()
        index = submit(self, kind, *rest, **named)
        if hit and edge == "after":
            die()
        return index

    Sequencer.submit = submitting  # type: ignore[method-assign]
    if what == "cosigned":
        took = Sequencer.take_cosignature

        def taking(self: Sequencer, *rest: Any) -> None:
            before = self.history.cosigned
            took(self, *rest)
            if any(name not in before.transfers for name in self.history.cosigned.transfers):
                die()

        Sequencer.take_cosignature = taking  # type: ignore[method-assign]
    for name, owner, method in (("sign", Sessions, "run"), ("keep", Records, "put_signed"), ("send", Chain, "send")):
        if what == name:
            setattr(owner, method, _dying(getattr(owner, method), edge))


def _dying(method: Callable[..., Any], edge: str) -> Callable[..., Any]:
    async def call(*arguments: Any, **named: Any) -> Any:
        if edge == "before" and (not named and (len(arguments) < 2 or arguments[1] != "possession")):
            die()
        result = await method(*arguments, **named)
        if edge == "after":
            die()
        return result

    return call


if __name__ == "__main__":
    arm(sys.argv[2])
    main(Path(sys.argv[1]), create_app)
