"""The process of this machine's page: follows the log, serves localhost, and ends at a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from strongroom.approver.desk import Desk
from strongroom.approver.gate import new_token
from strongroom.approver.page import create_page

EVERY: Final = 2.0  # s between looks at the sources
URL_FILE: Final = "page.url"
"""In the home, for its owner alone: the address with the token of the process that runs."""


def main(desk: Desk) -> None:
    """Run until a signal."""
    token = new_token()
    address = f"{desk.config.origin}/?token={token}"
    file = desk.home / URL_FILE
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write(address + "\n")
    try:
        asyncio.run(_serve(desk, token, address))
    finally:
        file.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's matter, not the listener's."""
        yield


async def _serve(desk: Desk, token: str, address: str) -> None:
    app, stopped = create_page(desk, token), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server = _Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=desk.config.page, log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=3,
        )
    )  # fmt: skip
    # The token is for a person's eyes: where nobody looks, what is said here ends in a log.
    where = address if sys.stderr.isatty() else f"its address is in {desk.home / URL_FILE}"
    _say(f"{desk.person}'s page: {where}")
    serving = asyncio.create_task(server.serve())
    working = {serving, asyncio.create_task(_follow(desk)), asyncio.create_task(stopped.wait())}
    ended, going = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for task in going - {serving}:
        task.cancel()
    await asyncio.gather(serving, *going, return_exceptions=True)
    for task in ended:
        task.result()


async def _follow(desk: Desk) -> None:
    """Look again and again; what a source does wrong is said once, and shown as long as it lasts."""
    said: list[str] = []
    while True:
        await asyncio.to_thread(desk.follower.look)
        now = [f"{look.url}: {look.error}" for look in desk.follower.looks if look.error is not None]
        for line in now if now != said else ():
            _say(line)
        said = now
        await asyncio.sleep(EVERY)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
