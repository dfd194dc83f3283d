"""The listener that nodes dial: they prove who they are, speak to its owner and, where it lets them, to each other."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, cast

from strongroom.documents.credentials import Credential, SigningKey
from strongroom.errors import InvalidInput, StrongroomError
from strongroom.wire.frame import MAX_BODY, MAX_HEAD, Frame, decode_frame, encode_frame
from strongroom.wire.handshake import COORDINATOR
from strongroom.wire.listener import ListenerSide

PEER_KINDS: Final = ("peer", "challenge", "answer")
HANDSHAKE_SECONDS: Final = 10.0

Answer = Callable[[Frame], None]
"""Sends a guest the one frame that answers it, and ends the connection."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a listener bears: bytes of a stranger's first frame, of a node's frames, and of what waits for one node."""

    first: int = 8_192
    head: int = MAX_HEAD
    body: int = MAX_BODY
    queued: int = 64 << 20
    connections: int = 256


class House(Protocol):
    """Who is told about nodes and their frames."""

    def joined(self, node: str) -> None: ...
    def left(self, node: str) -> None: ...
    def take(self, node: str, frame: Frame) -> None: ...


class Relay:
    """The listener, and the Transport of its owner's cores.

    `name` is the owner as frames call it; `peer_kinds` are the frames that nodes may send each other through it.
    """

    def __init__(
        self, workspace: str, key: SigningKey, credentials: Callable[[], dict[str, Credential]],
        say: Callable[[str], None], *, name: str = COORDINATOR, peer_kinds: tuple[str, ...] = PEER_KINDS,
        bounds: Bounds = Bounds(),
    ) -> None:  # fmt: skip
        self._workspace, self._key, self._credentials, self.say = workspace, key, credentials, say
        self._name, self._peer_kinds, self.bounds = name, peer_kinds, bounds
        self.house: House | None = None
        self.guests: Callable[[str, Frame, Answer], None] | None = None  # address, first frame; None: nodes only
        self._nodes: dict[str, Connection] = {}
        self._open: dict[Connection, None] = {}  # in the order of their arrival
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Accept connections; the port, which the system chooses for 0."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port, ssl=tls)
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.abort()

    def send(self, node: str, frame: Frame) -> None:
        """Hand a frame over to a node; lost when it is not connected."""
        connection = self._nodes.get(node)
        if connection is not None:
            connection.write(encode_frame(frame))

    def opened(self, connection: Connection) -> ListenerSide:
        """A new connection's half of the handshake; when there are too many, the oldest stranger makes room."""
        if len(self._open) >= self.bounds.connections:
            stranger = next((other for other in self._open if not other.node), connection)
            stranger.abort()
            self._open.pop(stranger, None)
        self._open[connection] = None
        label = COORDINATOR if self._name == COORDINATOR else self._key.key_id
        return ListenerSide(self._workspace, self._key, secrets.token_hex(32), label)

    def authenticate(self, connection: Connection, side: ListenerSide, frame: Frame) -> str:
        """The name of a node that has proved itself; its earlier connection ends. Raises StrongroomError."""
        node, ready = side.on_hello(frame, self._credentials())
        earlier = self._nodes.get(node)
        if earlier is not None:
            earlier.abort()
            self._gone(earlier, node)
        self._nodes[node] = connection
        connection.write(encode_frame(ready))
        if self.house is not None:
            self.house.joined(node)
        return node

    def closed(self, connection: Connection) -> None:
        """A connection has ended."""
        self._open.pop(connection, None)
        self._gone(connection, connection.node)

    def _gone(self, connection: Connection, node: str) -> None:
        if node and self._nodes.get(node) is connection:
            del self._nodes[node]
            if self.house is not None:
                self.house.left(node)

    def route(self, node: str, frame: Frame, raw: bytes) -> None:
        """Pass a node's frame on; raises InvalidInput when it gives another sender than itself."""
        if frame.sender != node:
            raise InvalidInput("session.sender", f"{node} speaks as {frame.sender}")
        if frame.to == self._name:
            if self.house is not None:
                self.house.take(node, frame)
        elif frame.kind in self._peer_kinds:
            other = self._nodes.get(frame.to)
            if other is not None and frame.to != node:
                other.write(raw)
        else:
            raise InvalidInput("frame.unknown_kind", f"nodes send each other no frame of kind {frame.kind}")


class Connection(asyncio.Protocol):
    """One TCP connection: its bytes cut into frames, first the handshake, then everything else."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._side: ListenerSide | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._served = False  # a guest's one frame has been taken
        self.node = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, and give it a little time to say who it is."""
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's has no common base class
        transport.set_write_buffer_limits(high=self._relay.bounds.queued)
        self._side = self._relay.opened(self)
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, self._too_slow)
        self.write(encode_frame(self._side.welcome()))

    def _too_slow(self) -> None:
        if not self.node:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._timer is not None:
            self._timer.cancel()
        self._relay.closed(self)

    def data_received(self, data: bytes) -> None:
        """Cut frames; whatever is malformed ends the connection."""
        self._buffer += data
        bounds = self._relay.bounds
        try:
            while len(self._buffer) >= 8:
                head, body = (int.from_bytes(self._buffer[at : at + 4], "big") for at in (0, 4))
                known = bool(self.node)
                if head > (bounds.head if known else bounds.first) or body > (bounds.body if known else 0):
                    raise InvalidInput("frame.too_large", "a frame beyond the limit is announced")
                end = 8 + head + body
                if len(self._buffer) < end:
                    return
                raw = bytes(self._buffer[:end])
                del self._buffer[:end]
                self._take(decode_frame(raw[8 : 8 + head], raw[8 + head :]), raw)
        except StrongroomError as error:
            self._relay.say(f"relay: {self.node or 'a stranger'} is disconnected: {error.code}: {error.message}")
            self.abort()

    def _take(self, frame: Frame, raw: bytes) -> None:
        if self.node:
            self._relay.route(self.node, frame, raw)
        elif self._relay.guests is not None and frame.kind != "hello":
            if self._served:
                raise InvalidInput("handshake.order", "a guest says one thing")
            self._served = True
            self._relay.guests(self._address(), frame, self._answer)
        elif self._side is not None:
            self.node = self._relay.authenticate(self, self._side, frame)

    def _address(self) -> str:
        peer = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(peer[0]) if peer else ""

    def _answer(self, frame: Frame) -> None:
        self.write(encode_frame(frame))
        if self._transport is not None:
            self._transport.close()

    def write(self, data: bytes) -> None:
        """Queue bytes; a node that does not read loses its connection before the queue grows without bound."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > self._relay.bounds.queued:
            self._relay.say(f"relay: {self.node or 'a stranger'} does not read and is disconnected")
            transport.abort()

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()
