"""Writes in the order they were asked for, many to one durable, fenced transaction, away from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from sqlalchemy import Connection

from strongroom.store.database import Database
from strongroom.store.lease import Lease, require

Write = Callable[[Connection], None]
Done = Callable[[], None]
LAZY_SECONDS = 0.1


class Runner(Protocol):
    """Does blocking work somewhere and then calls back on the event loop with the failure or None."""

    def __call__(self, work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None: ...


class ThreadRunner:
    """A single thread for all work, in order."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="journal")

    def __call__(self, work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
        loop = asyncio.get_running_loop()

        def run() -> None:
            failure: BaseException | None = None
            try:
                work()
            except BaseException as error:
                failure = error
            loop.call_soon_threadsafe(done, failure)

        self._pool.submit(run)

    def close(self) -> None:
        """Wait for what runs."""
        self._pool.shutdown()


def run_inline(work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
    """A Runner for simulations and tests: works at once, calls back in the loop's next turn."""
    failure: BaseException | None = None
    try:
        work()
    except Exception as error:
        failure = error
    asyncio.get_running_loop().call_soon(done, failure)


class Journal:
    """Collects writes while a transaction runs and commits them together in the next."""

    def __init__(self, database: Database, lease: Lease, run: Runner, failed: Callable[[BaseException], None]) -> None:
        self._database, self._lease, self._run, self._failed = database, lease, run, failed
        self._waiting: list[tuple[Write, Done | None]] = []
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._soon = False
        self.generation = 0
        """Grows when a transaction is closed to further writes: what was collected for it is on its way."""

    def write(self, write: Write, done: Done | None = None, *, lazy: bool = False) -> None:
        """Commit soon, or (lazy) within 100 ms or with the next that hurries; `done` once durable."""
        self._waiting.append((write, done))
        self.hurry() if not lazy else self._later()

    def hurry(self) -> None:
        """Commit everything collected in the loop's next turn."""
        if not self._soon and not self._busy:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._flush)
        elif self._busy:
            self._soon = True

    async def durable(self, write: Write) -> None:
        """Commit soon and return once durable."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done() -> None:
            if not waiter.done():
                waiter.set_result(None)

        self.write(write, done)
        await waiter

    def _later(self) -> None:
        if self._timer is None and not self._soon:
            self._timer = asyncio.get_running_loop().call_later(LAZY_SECONDS, self._due)

    def _due(self) -> None:
        self._timer = None
        self.hurry()

    def _flush(self) -> None:
        self._soon = False
        if self._busy or not self._waiting:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        writes, self._waiting = self._waiting, []
        self._busy = True
        self.generation += 1

        def work() -> None:
            with self._database.transaction() as connection:
                require(connection, self._lease)
                for write, _ in writes:
                    write(connection)

        def finished(failure: BaseException | None) -> None:
            self._busy = False
            if failure is not None:
                self._failed(failure)
                return
            for _, done in writes:
                if done is not None:
                    done()
            if self._soon:
                self._flush()
            elif self._waiting:
                self._later()

        self._run(work, finished)

    async def drain(self) -> None:
        """Return once everything asked for so far is durable."""
        await self.durable(lambda connection: None)
