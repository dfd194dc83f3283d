"""The relay over TCP: who may speak, as whom, to whom, and how much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from strongroom.documents.credentials import SigningKey
from strongroom.errors import Refused
from strongroom.wire.frame import Frame, encode_frame, read_frame
from strongroom.wire.handshake import NodeSide
from strongroom.wire.relay import Bounds, Relay

WORKSPACE = "cd" * 32
NAMES = ("signer-1", "signer-2")


class Listener:
    """What the coordinator would hear."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def joined(self, node: str) -> None:
        self.heard.append((node, "joined"))

    def left(self, node: str) -> None:
        self.heard.append((node, "left"))

    def take(self, node: str, frame: Frame) -> None:
        self.heard.append((node, frame.kind))


class World:
    """A relay with its enrolled keys, and nodes that dial it."""

    def __init__(self) -> None:
        self.key = SigningKey.generate()
        self.keys = {name: SigningKey.generate() for name in NAMES}
        self.said: list[str] = []
        self.house = Listener()
        credentials = {name: key.credential for name, key in self.keys.items()}
        self.relay = Relay(WORKSPACE, self.key, lambda: credentials, self.said.append)
        self.relay.house = self.house
        self.port = 0

    async def dial(self, name: str, key: SigningKey | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        side = NodeSide(WORKSPACE, name, key or self.keys[name], "11" * 32)
        writer.write(encode_frame(side.on_welcome(await read_frame(reader))))
        side.on_ready(await read_frame(reader), self.key.credential)
        return reader, writer

    async def until_heard(self, *what: tuple[str, str]) -> None:
        async with asyncio.timeout(10):
            while not set(what) <= set(self.house.heard):  # noqa: ASYNC110 - the listener is plain
                await asyncio.sleep(0.005)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    made.port = await made.relay.listen("127.0.0.1", 0)
    yield made
    await made.relay.close()


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has closed, or reset, the connection."""
    try:
        async with asyncio.timeout(10):
            return await reader.read() == b""
    except ConnectionError:
        return True


async def test_peer_frames_reach_the_other_node_unchanged(world: World) -> None:
    """The relay reads only the head; the rest goes to the coordinator."""
    _, first = await world.dial("signer-1")
    reader, _ = await world.dial("signer-2")
    frame = Frame("peer", "signer-1", "signer-2", {"session": "ab", "seq": 1}, b"\x00sealed\xff" * 1000)
    first.write(encode_frame(frame))
    assert await read_frame(reader) == frame
    first.write(encode_frame(Frame("head", "signer-1", "coordinator", {})))
    await world.until_heard(("signer-1", "head"))
    world.relay.send("signer-2", Frame("head.ask", "coordinator", "signer-2", {}))
    assert (await read_frame(reader)).kind == "head.ask"
    world.relay.send("nobody", Frame("head.ask", "coordinator", "nobody", {}))


@pytest.mark.parametrize(
    "frame",
    [
        Frame("peer", "signer-2", "signer-2", {}),
        Frame("head", "signer-2", "coordinator", {}),
        Frame("append", "signer-1", "signer-2", {}),
        Frame("peer", "coordinator", "signer-2", {}),
    ],
)
async def test_a_node_speaks_as_itself_and_to_peers_only_as_a_peer(world: World, frame: Frame) -> None:
    """A false sender, or the coordinator's frames to another node: the connection ends, nothing is passed on."""
    reader, writer = await world.dial("signer-1")
    await world.dial("signer-2")
    writer.write(encode_frame(frame))
    assert await ended(reader)
    await world.until_heard(("signer-1", "left"))
    assert ("signer-2", "head") not in world.house.heard


async def test_a_stranger_is_not_let_in(world: World) -> None:
    """An unknown name, another's key, bytes that are no handshake, a handshake that is too long."""
    for name, key in (("signer-9", SigningKey.generate()), ("signer-1", world.keys["signer-2"])):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, Refused)):
            await world.dial(name, key)
    for data in (b"GET / HTTP/1.1\r\n\r\n" * 10, (Bounds().first + 1).to_bytes(4, "big") + bytes(4), bytes(8)):
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        await read_frame(reader)
        writer.write(data)
        assert await ended(reader)
    assert world.house.heard == []


async def test_a_later_connection_takes_the_place_of_the_earlier(world: World) -> None:
    """A node that comes back is not shut out by its own dead connection."""
    reader, _ = await world.dial("signer-1")
    again, _ = await world.dial("signer-1")
    assert await ended(reader)
    await asyncio.sleep(0.02)
    world.relay.send("signer-1", Frame("head.ask", "coordinator", "signer-1", {}))
    assert (await read_frame(again)).kind == "head.ask"
    assert world.house.heard == [("signer-1", "joined"), ("signer-1", "left"), ("signer-1", "joined")]
