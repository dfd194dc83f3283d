"""The relay's process: reads its home, listens for nodes and people, and ends at a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

import uvloop

from strongroom.documents.credentials import SigningKey
from strongroom.errors import StrongroomError
from strongroom.relay.board import Board
from strongroom.relay.config import Config, load_config
from strongroom.wire.relay import Bounds, Relay
from strongroom.wire.stops import MAX_STOP, RELAY

TICK: Final = 0.25  # s
BOUNDS: Final = Bounds(first=MAX_STOP, head=MAX_STOP, body=0, queued=16 << 20)


def say(line: str) -> None:
    """One line per event, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def now() -> int:
    """The machine's clock, unix milliseconds."""
    return time.time_ns() // 1_000_000


def main(home: Path) -> None:
    """Run until a signal; exits 2 with one line when the home cannot be used."""
    try:
        os.umask(0o077)
        config = load_config(home)
        key = SigningKey.load(home / "relay.key")
        config.credentials()
        uvloop.run(serve(config, key))
    except (StrongroomError, OSError) as error:
        say(f"strongroom: {error}")
        raise SystemExit(2) from None


async def serve(config: Config, key: SigningKey) -> None:
    """Listen until SIGTERM or SIGINT; raises StrongroomError, OSError."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    relay = Relay(config.workspace, key, config.credentials, say, name=RELAY, peer_kinds=(), bounds=BOUNDS)
    board = Board(config.workspace, config.credentials, relay.send, now, say)
    relay.house, relay.guests = board, board.ask
    host, port = config.listen
    port = await relay.listen(host, port, config.tls.context() if config.tls else None)
    say(f"relay of stops on {host}:{port}")
    ticking = asyncio.create_task(_tick(board))
    await stopping.wait()
    ticking.cancel()
    await relay.close()
    say("relay of stops ends")


async def _tick(board: Board) -> None:
    while True:
        await asyncio.sleep(TICK)
        board.tick()
