"""The relay as a process, its home, and what it bears from strangers; a person and a node dial it over TCP."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from strongroom.cli.homes import new_relay
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import statement_hash
from strongroom.relay import run
from strongroom.relay.config import load_config
from strongroom.wire import relay as listener
from strongroom.wire.delivery import Delivery, deliver
from strongroom.wire.frame import MAX_BODY, Frame, encode_frame, read_frame
from strongroom.wire.handshake import NodeSide
from strongroom.wire.stops import MAX_STOP, receipt
from tests.workspace import NODES, Workspace

GIGABYTE = 1 << 30


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace().create()


@pytest.fixture
def home(tmp_path: Path, workspace: Workspace) -> Path:
    new_relay(tmp_path / "home", workspace.entries[0].raw, "127.0.0.1:7702", "")
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def mask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


class Running:
    """A relay on a free port."""

    def __init__(self, home: Path, port: int, workspace: Workspace) -> None:
        self.key, self.port, self.workspace = SigningKey.load(home / "relay.key"), port, workspace
        self.address = f"127.0.0.1:{port}"
        self.nodes = {name: workspace.keys[name].credential for name in NODES}

    async def dial(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        side = NodeSide(self.workspace.state.workspace, name, self.workspace.keys[name], "11" * 32, self.key.key_id)
        writer.write(encode_frame(side.on_welcome(await read_frame(reader))))
        side.on_ready(await read_frame(reader), self.key.credential)
        return reader, writer

    def freeze(self, reason: str = "drill") -> Envelope:
        subject = {"scope": "workspace", "target": "", "reason": reason}
        return self.workspace.statement("bob", "workspace.freeze", subject, bare=True)

    async def deliver(self, envelope: Envelope) -> Delivery:
        return await asyncio.to_thread(deliver, self.address, None, envelope, self.nodes)


@asynccontextmanager
async def running(home: Path, workspace: Workspace) -> AsyncIterator[Running]:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "say", said.append)
        (home / "relay.toml").write_text((home / "relay.toml").read_text().replace(":7702", ":0"))
        serving = asyncio.create_task(run.serve(load_config(home), SigningKey.load(home / "relay.key")))
        async with asyncio.timeout(20):
            while not said:  # noqa: ASYNC110 - it is said, not signalled
                await asyncio.sleep(0.01)
        yield Running(home, int(said[0].rpartition(":")[2]), workspace)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(20):
            await serving


async def test_a_person_s_stop_reaches_a_node_and_the_receipt_the_person(home: Path, workspace: Workspace) -> None:
    async with running(home, workspace) as relay:
        reader, writer = await relay.dial("signer-1")
        asked = asyncio.create_task(relay.deliver(relay.freeze()))
        frame = await read_frame(reader)
        assert frame.kind == "stop" and frame.head["envelope"] == relay.freeze().to_doc()
        signature = workspace.keys["signer-1"].sign(receipt(workspace.state.workspace, "signer-1", frame.head["ref"]))
        head = {"statement": frame.head["ref"], "signature": signature.hex()}
        writer.write(encode_frame(Frame("latched", "signer-1", "relay", head)))
        delivery = await asked
        assert delivery.held == ("signer-1",) and delivery.error is None and not delivery.unproven


async def test_one_who_is_no_node_or_another_node_is_not_let_in(home: Path, workspace: Workspace) -> None:
    async with running(home, workspace) as relay:
        relay.workspace = workspace.clone()
        relay.workspace.keys["signer-1"] = SigningKey.generate()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await relay.dial("signer-1")
        workspace.keys.setdefault("stranger", SigningKey.generate())
        relay.workspace.keys["stranger"] = workspace.keys["stranger"]
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await relay.dial("stranger")
        admitted = {"name": "stranger", "key": workspace.keys["stranger"].credential.to_doc()}
        (home / "nodes" / "stranger.json").write_text(json.dumps(admitted))
        await relay.dial("stranger")  # a file admits it, without a restart


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, amount: int) -> int:
    """Send zeros until the other side hangs up; how many bytes it took."""
    block, sent = bytes(1 << 16), 0
    try:
        while sent < amount:
            writer.write(block)
            await writer.drain()
            sent += len(block)
        await reader.read()
    except ConnectionError:
        pass
    return sent


@pytest.mark.parametrize("head", [GIGABYTE, MAX_STOP + 1])
async def test_a_stranger_that_sends_a_gigabyte_is_cut_off_at_the_announcement(
    home: Path, workspace: Workspace, head: int
) -> None:
    async with running(home, workspace) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        await read_frame(reader)
        writer.write(head.to_bytes(4, "big") + bytes(4))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with asyncio.timeout(20):
            assert await swallow(reader, writer, GIGABYTE) < 64 << 20
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


async def test_a_node_that_sends_a_body_is_cut_off(home: Path, workspace: Workspace) -> None:
    async with running(home, workspace) as relay:
        reader, writer = await relay.dial("signer-1")
        writer.write(encode_frame(Frame("stop", "signer-1", "relay", {}, b"x")))
        async with asyncio.timeout(20):
            assert await reader.read() == b""


async def test_who_says_nothing_is_cut_off_in_time(
    home: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HANDSHAKE_SECONDS", 0.05)
    async with running(home, workspace) as relay:
        reader, _ = await asyncio.open_connection("127.0.0.1", relay.port)
        await read_frame(reader)
        async with asyncio.timeout(20):
            assert await reader.read() == b""


async def test_strangers_that_only_wait_leave_room_for_nodes(home: Path, workspace: Workspace) -> None:
    async with running(home, workspace) as relay:
        idle = [await asyncio.open_connection("127.0.0.1", relay.port) for _ in range(run.BOUNDS.connections + 5)]
        await relay.dial("signer-1")
        reader, _ = idle[0]
        async with asyncio.timeout(20):
            await read_frame(reader)
            assert await reader.read() == b""  # the one that had waited longest made room


@pytest.mark.parametrize("said", ["gigabyte", "silence", "garbage", "other"])
async def test_a_relay_that_misbehaves_costs_a_person_a_few_seconds_and_says_why(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr("strongroom.wire.delivery.PATIENCE", 0.3)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match said:
            case "gigabyte":
                writer.write(GIGABYTE.to_bytes(4, "big") + bytes(4) + bytes(MAX_BODY))
            case "garbage":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            case "other":
                writer.write(encode_frame(Frame("welcome", "relay", "node", {"workspace": "00" * 32, "nonce": "00"})))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    subject = {"scope": "workspace", "target": "", "reason": "drill"}
    envelope = workspace.statement("bob", "workspace.freeze", subject, bare=True)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    delivery = await asyncio.to_thread(deliver, address, None, envelope, {})
    codes = {"silence": "relay.unreachable", "other": "workspace.not_created_here"}
    assert delivery.error is not None and delivery.error.code == codes.get(said, "frame.too_large")
    server.close()


async def test_a_relay_that_says_in_a_nodes_name_that_it_holds_is_caught(workspace: Workspace) -> None:
    subject = {"scope": "workspace", "target": "", "reason": "drill"}
    envelope = workspace.statement("bob", "workspace.freeze", subject, bare=True)
    liar = SigningKey.generate()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        welcome = {"workspace": workspace.state.workspace, "nonce": "00"}
        writer.write(encode_frame(Frame("welcome", "relay", "node", welcome)))
        await read_frame(reader)
        name = statement_hash(envelope)
        signature = liar.sign(receipt(workspace.state.workspace, "signer-1", name)).hex()
        head = {"statement": name, "held": {"signer-1": signature}, "refused": {}, "silent": []}
        writer.write(encode_frame(Frame("held", "relay", "bob", head)))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    known = {"signer-1": workspace.keys["signer-1"].credential}
    delivery = await asyncio.to_thread(deliver, address, None, envelope, known)
    assert delivery.error is not None and delivery.error.code == "credential.bad_signature" and not delivery.held
    unknown = await asyncio.to_thread(deliver, address, None, envelope, {})
    assert unknown.unproven == ("signer-1",) and not unknown.held
    server.close()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "document.missing_field"),
        ('workspace = "1"\nlisten = "127.0.0.1:1"', "hash.syntax"),
        ('workspace = "%s"\nlisten = "0.0.0.0:1"' % ("00" * 32), "listen.tls_required"),
        ("[", "config.syntax"),
        (None, "config.file"),
    ],
)
def test_a_home_that_cannot_be_used_ends_with_one_line(
    home: Path, text: str | None, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "relay.toml").unlink()
    if text is not None:
        (home / "relay.toml").write_text(text)
    with pytest.raises(SystemExit) as ended:
        run.main(home)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1 and code in said
