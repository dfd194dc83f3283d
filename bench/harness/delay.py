"""A TCP proxy on 127.0.0.1 that holds every byte back for a while, each way: a long link where there is no netem.

usage: python -m bench.harness.delay LISTEN_PORT TARGET_PORT MILLISECONDS
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque


class Held:
    """One direction: bytes in the order they came, each let go when its time has come."""

    def __init__(self, writer: asyncio.StreamWriter, delay: float) -> None:
        self._writer, self._delay = writer, delay
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, data: bytes) -> None:
        """Hold data (b"" is the end of the stream) for the delay."""
        self._waiting.append((self._loop.time() + self._delay, data))
        if self._timer is None:
            self._timer = self._loop.call_later(self._delay, self._release)

    def _release(self) -> None:
        self._timer = None
        while self._waiting and self._waiting[0][0] <= self._loop.time() + 0.0005:
            data = self._waiting.popleft()[1]
            if data:
                self._writer.write(data)
            else:
                self._writer.close()
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._release)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """One direction until its end."""
    held = Held(writer, delay)
    try:
        while data := await reader.read(1 << 18):
            held.put(data)
    except OSError:
        pass
    held.put(b"")


async def serve(port: int, target: int, delay: float) -> None:
    """Until the process is ended; prints one line when it listens."""
    running: set[asyncio.Task[object]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        for work in (carry(reader, back, delay), carry(there, writer, delay)):
            task: asyncio.Task[object] = asyncio.create_task(work)
            running.add(task)
            task.add_done_callback(running.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", port, limit=1 << 20)
    print(f"listens on {port}", flush=True)
    await server.serve_forever()


def main() -> None:
    """The process."""
    port, target, milliseconds = map(int, sys.argv[1:4])
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(port, target, milliseconds / 1000))
    else:
        uvloop.run(serve(port, target, milliseconds / 1000))


if __name__ == "__main__":
    main()
