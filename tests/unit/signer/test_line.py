"""A node's connection to a relay that does its worst: bounded memory, bounded time, and it dials again."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from strongroom.signer import line
from strongroom.wire.frame import Frame, encode_frame, read_frame
from strongroom.wire.listener import ListenerSide
from strongroom.wire.stops import MAX_STOP
from tests.workspace import seeded

ID, NODE, RELAY = "ab" * 32, seeded("signer-1"), seeded("relay")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Dialled:
    """What the node's side of one line has said and received."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.received: list[Frame] = []
        self.times = 0

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not reached():  # noqa: ASYNC110 - it is said, not signalled
                await asyncio.sleep(0.01)

    def connected(self) -> None:
        self.times += 1


@asynccontextmanager
async def dialling(serve: Serve, rate: float = 1e6) -> AsyncIterator[Dialled]:
    server, made = await asyncio.start_server(serve, "127.0.0.1", 0), Dialled()
    address = ("127.0.0.1", server.sockets[0].getsockname()[1])
    relay = line.Relay("the relay", address, None, RELAY.credential.key_id, 2 * MAX_STOP, 0, rate)
    kept = line.Line(
        relay, ID, "signer-1", NODE, lambda: RELAY.credential, made.connected, made.received.append, made.said.append
    )
    task = asyncio.create_task(kept.keep())
    yield made
    task.cancel()
    server.close()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    side = ListenerSide(ID, RELAY, "01" * 32, RELAY.credential.key_id)
    writer.write(encode_frame(side.welcome()))
    writer.write(encode_frame(side.on_hello(await read_frame(reader), {"signer-1": NODE.credential})[1]))


async def gigabyte(writer: asyncio.StreamWriter) -> int:
    """How much of a gigabyte the node takes before it hangs up."""
    sent, block = 0, bytes(1 << 16)
    try:
        while sent < 1 << 30:
            writer.write(block)
            await writer.drain()
            sent += len(block)
    except ConnectionError:
        pass
    return sent


@pytest.mark.parametrize("greeted", [False, True])
async def test_a_relay_that_sends_a_gigabyte_is_refused_at_the_announcement(greeted: bool) -> None:
    taken: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if greeted:
            await greet(reader, writer)
        writer.write((1 << 30).to_bytes(4, "big") + bytes(4))
        taken.append(await gigabyte(writer))
        writer.close()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with dialling(serve) as node:
        await node.until(lambda: len(taken) >= 2)  # and it has dialled again
        assert max(taken) < 64 << 20
        assert any("frame.too_large" in said for said in node.said)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


@pytest.mark.parametrize("silent_from", ["the start", "the hello"])
async def test_a_relay_that_answers_nothing_is_given_up_in_time(
    silent_from: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "PATIENCE", 0.1)
    dials = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal dials
        dials += 1
        if silent_from == "the hello":
            writer.write(encode_frame(ListenerSide(ID, RELAY, "01" * 32).welcome()))
        await reader.read()
        writer.close()

    async with dialling(serve) as node:
        await node.until(lambda: dials >= 3)
        assert node.times == 0 and any("TimeoutError" in said for said in node.said)


async def test_a_relay_with_another_key_than_the_pinned_one_is_refused() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        side = ListenerSide(ID, seeded("impostor"), "01" * 32, RELAY.credential.key_id)
        writer.write(encode_frame(side.welcome()))
        writer.write(encode_frame(side.on_hello(await read_frame(reader), {"signer-1": NODE.credential})[1]))
        await reader.read()
        writer.close()

    async with dialling(serve) as node:
        await node.until(lambda: any("credential.bad_signature" in said for said in node.said))
        assert node.times == 0 and node.received == []


async def test_a_relay_that_never_falls_silent_is_read_at_its_rate_and_holds_nobody_up() -> None:
    flood = encode_frame(Frame("stop", "relay", "signer-1", {}))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        try:
            while True:
                writer.write(flood * 100)
                await writer.drain()
        except ConnectionError:
            return

    async with dialling(serve, rate=20.0) as node:
        await node.until(lambda: len(node.received) >= 200)
        loop, turns = asyncio.get_running_loop(), 0
        began, so_far = loop.time(), len(node.received)
        while loop.time() - began < 0.5:
            await asyncio.sleep(0)
            turns += 1
        assert len(node.received) - so_far <= 20 * (loop.time() - began) + 2  # the rate, whatever the machine does
        assert turns > 20


async def test_frames_for_others_are_not_handed_over() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        for to in ("signer-2", "signer-1"):
            writer.write(encode_frame(Frame("stop", "relay", to, {})))
        await reader.read()
        writer.close()

    async with dialling(serve) as node:
        await node.until(lambda: bool(node.received))
        assert [frame.to for frame in node.received] == ["signer-1"] and node.times == 1
