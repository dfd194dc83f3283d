"""The process around a node: its home directory, the connection to the relay, the clock, signals."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import ssl
import sys
import time
import tomllib
from pathlib import Path
from typing import Any, Final, NoReturn

import uvloop

from strongroom.documents.canonical import MAX_BYTES, fields, parse_loose
from strongroom.documents.credentials import SigningKey
from strongroom.documents.names import parse_hash, parse_slug
from strongroom.errors import InvalidInput, StrongroomError
from strongroom.keys.threshold import Vault
from strongroom.policy.model import Duty
from strongroom.signer.disk import open_disk
from strongroom.signer.node import Node, Settings
from strongroom.wire.frame import encode_frame, read_frame
from strongroom.wire.handshake import NodeSide

TICK: Final = 0.25  # s
MOST_QUEUED: Final = 32 << 20  # bytes
PATIENCE: Final = 10.0  # s for a connection and its handshake
_LONGEST_PAUSE: Final = 1.5  # s between two dials
_SHAPE: Final = {"name": str, "duty": str, "relay": str, "workspace": str}


def say(line: str) -> None:
    """One line per event, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def now() -> int:
    """The machine's clock, unix milliseconds."""
    return time.time_ns() // 1_000_000


class Runner:
    """Keeps one node connected to its relay."""

    def __init__(self, home: Path) -> None:
        """Raises StrongroomError or OSError for a home that cannot be used."""
        try:
            toml = tomllib.loads((home / "node.toml").read_text())
            config: dict[str, Any] = fields(toml, "node.toml", _SHAPE, {"ca": str})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            raise InvalidInput("config.syntax", f"{home / 'node.toml'} is not TOML") from None
        if config["duty"] not in tuple(Duty):
            raise InvalidInput("config.duty", "the duty of a node is signer or guardian")
        host, _, port = config["relay"].rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise InvalidInput("config.relay", "the relay is written HOST:PORT")
        self._relay, self._tls = (host, int(port)), _tls(home, host, config.get("ca"))
        self._settings = Settings(parse_slug(config["name"]), Duty(config["duty"]), parse_hash(config["workspace"]))
        self._key, self._stops = SigningKey.load(home / "node.key"), home / "stops"
        disk = open_disk(home)
        vault = Vault.open(home) if self._settings.duty is Duty.SIGNER else None
        self._node = Node(self._settings, self._key, disk, vault, now, say=say)
        self._writer: asyncio.StreamWriter | None = None
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Until a signal ends it."""
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        say(f"{self._settings.duty} {self._settings.name} runs")
        tasks = [asyncio.create_task(work) for work in (stopping.wait(), self._stay_connected(), self._tick())]
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        for task in done:
            task.result()
        say(f"{self._settings.duty} {self._settings.name} ends")

    async def _stay_connected(self) -> NoReturn:
        pause = 0.1
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    reader, writer = await asyncio.open_connection(*self._relay, limit=1 << 20, ssl=self._tls)
                    side = NodeSide(self._settings.workspace, self._settings.name, self._key, os.urandom(32).hex())
                    writer.write(encode_frame(side.on_welcome(await read_frame(reader))))
                    side.on_ready(await read_frame(reader), self._node.coordinator)
                say("connected to the relay")
                self._writer, pause = writer, 0.1
                self._node.connected()
                while True:
                    self._flush()
                    await writer.drain()
                    frame = await read_frame(reader)
                    if frame.to == self._settings.name:
                        self._node.receive(frame)
            except ssl.SSLError as error:
                say(f"the relay's certificate is not accepted: {error.reason}")
            except (OSError, asyncio.IncompleteReadError):
                if self._writer is not None:
                    say("the relay has gone: dialling again")
            except StrongroomError as error:
                say(f"the relay is refused: {error}")
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the dialling only
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _tick(self) -> NoReturn:
        while True:
            await asyncio.sleep(TICK)
            for path in sorted(self._stops.glob("*.json")):  # stops that a person left here: no relay is needed
                self._take_stop(path)
            self._node.tick()
            self._flush()

    def _take_stop(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                envelope = parse_loose(file.read(MAX_BYTES + 1))
            self._node.take_stop(envelope)
            path.unlink()
        except (OSError, StrongroomError) as error:  # it stays, and is tried again
            if self._told.get(path.name) != str(error):
                self._told[path.name] = str(error)
                say(f"cannot take {path.name} yet: {error}")

    def _flush(self) -> None:
        """Send what the node has to say; without a connection it is lost, as if the network had lost it."""
        frames, self._node.outbox[:] = list(self._node.outbox), []
        if self._writer is not None and self._writer.transport.get_write_buffer_size() > MOST_QUEUED:
            self._writer.transport.abort()  # a relay that does not read
        if self._writer is not None and not self._writer.is_closing():
            self._writer.writelines(encode_frame(frame) for frame in frames)


def _tls(home: Path, host: str, ca: str | None) -> ssl.SSLContext | None:
    """TLS 1.3 under the authority that node.toml names; only this machine's own relay (a tunnel's end) goes without."""
    if ca is None:
        if host not in ("127.0.0.1", "localhost", "::1", "[::1]"):
            raise InvalidInput(
                "config.tls_required", f"the relay at {host} needs TLS (ca = FILE in node.toml) or a tunnel"
            )
        return None
    context = ssl.create_default_context(cafile=home / ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def main(home: Path) -> None:
    """Run the node of a home directory until a signal; exits 2 with one line when the home cannot be used."""
    try:
        os.umask(0o077)
        runner = Runner(home)
    except (StrongroomError, OSError) as error:
        say(f"strongroom: {error}")
        raise SystemExit(2) from None
    uvloop.run(runner.run())
