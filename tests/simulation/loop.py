"""An asyncio event loop in virtual time: it never waits, it moves its clock to the next thing that is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Deadlock(Exception):
    """Nothing is due and nothing will be."""


class _Clockwork:
    """Stands where the loop's selector would: waiting for input becomes passing of time."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("no task and no timer is left")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """The standard loop's own scheduling, over a clock that starts at 0 and is moved by nobody else.

    Equal inputs give an equal order of callbacks; an exception that a callback lets out is kept in `failures`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._clockwork = self._selector = _Clockwork()
        self._clock_resolution = 1e-9
        self.failures: list[BaseException] = []
        self.set_exception_handler(self._failed)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._clockwork.now

    def _process_events(self, event_list: list[Any]) -> None:
        """There is no input."""

    def _write_to_self(self) -> None:
        """There is no other thread."""

    def _failed(self, _loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.failures.append(error if error is not None else RuntimeError(context["message"]))


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, None]]) -> VirtualLoop:
    """Run a coroutine to its end on a new loop; gives the loop back closed. Raises what the coroutine raises."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(main(loop))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return loop
