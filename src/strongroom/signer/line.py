"""One connection of a node: dials a relay, proves itself, hands over what arrives, and dials again when it ends."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from strongroom.documents.credentials import Credential, SigningKey
from strongroom.errors import StrongroomError
from strongroom.wire.bucket import Bucket
from strongroom.wire.frame import MAX_BODY, MAX_HEAD, Frame, encode_frame, read_frame
from strongroom.wire.handshake import NodeSide

MOST_QUEUED: Final = 32 << 20  # bytes
PATIENCE: Final = 10.0  # s for a connection and its handshake
LONGEST_PAUSE: Final = 1.5  # s between two dials
_BUFFER: Final = 1 << 20  # bytes that are read ahead of what is handled


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay as node.toml names it: `label` see NodeSide; what it may send: frames' sizes, and frames a second."""

    name: str
    address: tuple[str, int]
    tls: ssl.SSLContext | None
    label: str
    head: int = MAX_HEAD
    body: int = MAX_BODY
    rate: float = 1e6


class Line:
    """Keeps one node connected to one relay."""

    def __init__(
        self, relay: Relay, workspace: str, node: str, key: SigningKey, credential: Callable[[], Credential | None],
        connected: Callable[[], None], receive: Callable[[Frame], None], say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._relay, self._workspace, self._node, self._key = relay, workspace, node, key
        self._credential, self._connected, self._receive, self._say = credential, connected, receive, say
        self._writer: asyncio.StreamWriter | None = None

    def send(self, frames: Iterable[Frame]) -> None:
        """Hand frames over; without a connection they are lost, as if the network had lost them."""
        writer = self._writer
        if writer is None or writer.is_closing():
            return None
        if writer.transport.get_write_buffer_size() > MOST_QUEUED:
            return writer.transport.abort()  # a relay that does not read
        return writer.writelines(encode_frame(frame) for frame in frames)

    async def keep(self) -> NoReturn:
        """Dial, and whenever the connection ends dial again, less and less often."""
        pause, name = 0.1, self._relay.name
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    reader, writer = await self._dial()
                try:
                    async with asyncio.timeout(PATIENCE):
                        await self._greet(reader, writer)
                    self._say(f"connected to {name}")
                    self._writer, pause = writer, 0.1
                    self._connected()
                    await self._listen(reader, writer)
                finally:
                    self._writer = None
                    writer.close()
            except ssl.SSLError as error:
                self._say(f"the certificate of {name} is not accepted: {error.reason}")
            except (OSError, asyncio.IncompleteReadError) as error:
                if pause == 0.1:
                    self._say(f"{name} is not there ({type(error).__name__}): dialling again")
            except StrongroomError as error:
                self._say(f"{name} is refused: {error}")
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the dialling only
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self._relay.address, limit=_BUFFER, ssl=self._relay.tls)
        found: socket.socket = writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a relay whose machine has gone says nothing
        for option, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
            found.setsockopt(socket.IPPROTO_TCP, option, value)
        return reader, writer

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        side = NodeSide(self._workspace, self._node, self._key, os.urandom(32).hex(), self._relay.label)
        writer.write(encode_frame(side.on_welcome(await read_frame(reader, self._relay.head, 0))))
        side.on_ready(await read_frame(reader, self._relay.head, 0), self._credential())

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> NoReturn:
        relay, now = self._relay, asyncio.get_running_loop().time
        bucket = Bucket.full(relay.rate, 10 * relay.rate, now())
        while True:
            await writer.drain()
            frame = await read_frame(reader, relay.head, relay.body)
            await asyncio.sleep(0)  # a relay that never falls silent keeps nobody waiting
            while wait := bucket.take(now()):  # noqa: ASYNC110 - it waits for time itself
                await asyncio.sleep(wait)
            if frame.to == self._node:
                self._receive(frame)
