"""The process around a node: its home directory, its connections, the clock, signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import ssl
import sys
import time
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec

import uvloop

from strongroom.documents.canonical import MAX_BYTES, fields, parse_loose
from strongroom.documents.credentials import Credential, SigningKey, plain_key
from strongroom.documents.names import parse_hash, parse_hex, parse_slug
from strongroom.errors import InvalidInput, StrongroomError
from strongroom.keys.threshold import Vault, unprotected
from strongroom.policy.model import Duty
from strongroom.signer.disk import open_disk
from strongroom.signer.line import Line, Relay
from strongroom.signer.node import Node, Settings
from strongroom.wire.dialling import client_tls, parse_relay
from strongroom.wire.handshake import COORDINATOR
from strongroom.wire.stops import MAX_STOP

TICK: Final = 0.25  # s
STOPS: Final = 50.0  # a second that one relay of stops may send
_SHAPE: Final = {"name": str, "duty": str, "relay": str, "workspace": str}
P = ParamSpec("P")


def say(line: str) -> None:
    """One line per event, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def now() -> int:
    """The machine's clock, unix milliseconds."""
    return time.time_ns() // 1_000_000


class Runner:
    """Keeps one node connected to the coordinator and to the relays of stops."""

    def __init__(self, home: Path) -> None:
        """Raises StrongroomError or OSError for a home that cannot be used."""
        try:
            toml = tomllib.loads((home / "node.toml").read_text())
            config: dict[str, Any] = fields(toml, "node.toml", _SHAPE, {"ca": str, "stop_relays": list})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            raise InvalidInput("config.syntax", f"{home / 'node.toml'} is not TOML") from None
        if config["duty"] not in tuple(Duty):
            raise InvalidInput("config.duty", "the duty of a node is signer or guardian")
        name, workspace = parse_slug(config["name"]), parse_hash(config["workspace"])
        settings = Settings(name, Duty(config["duty"]), workspace)
        key, self._stops = SigningKey.load(home / "node.key"), home / "stops"
        address = parse_relay(config["relay"])
        hub = Relay("the relay", address, _tls(home, address, config), COORDINATOR)
        relays = [_stop_relay(home, item) for item in config.get("stop_relays", ())]
        named = _coordinator(home / "coordinator.json")
        disk = open_disk(home)
        vault = Vault.open(home) if settings.duty is Duty.SIGNER else None
        if unprotected():
            say("warning: memory for secrets cannot be locked, and may be swapped: raise the limit (ulimit -l)")
        self._title, self._node = f"{settings.duty} {name}", Node(settings, key, disk, vault, now, say=say)
        self._hub = Line(
            hub, workspace, name, key, lambda: named or self._node.coordinator,
            self._then(self._node.connected), self._then(self._node.receive), say,
        )  # fmt: skip
        self._relays = [
            Line(
                relay, workspace, name, key, partial(_same, credential),
                self._then(self._node.relay_connected), self._then(self._node.receive_stop), say,
            )
            for relay, credential in relays
        ]  # fmt: skip
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Until a signal ends it."""
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        say(f"{self._title} runs")
        lines = [line.keep() for line in (self._hub, *self._relays)]
        tasks = [asyncio.create_task(work) for work in (stopping.wait(), self._tick(), *lines)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)  # one disk may fail several at the same moment
        if failures := [end for end in ends if isinstance(end, Exception)]:
            raise failures[0]
        say(f"{self._title} ends")

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

    def _then(self, act: Callable[P, None]) -> Callable[P, None]:
        """Act, then send what the node has to say because of it."""

        def acted(*arguments: P.args, **named: P.kwargs) -> None:
            act(*arguments, **named)
            self._flush()

        return acted

    def _flush(self) -> None:
        frames, self._node.outbox[:] = list(self._node.outbox), []
        stops, self._node.relayed[:] = list(self._node.relayed), []
        self._hub.send(frames)
        for relay in self._relays:
            relay.send(stops)


def _stop_relay(home: Path, item: Any) -> tuple[Relay, Credential]:
    config = fields(item, "stop_relays", {"address": str, "key": str}, {"ca": str})
    credential = Credential(parse_hex(config["key"], 32, "config.relay"))
    address, name = parse_relay(config["address"]), f"the stop relay {config['address']}"
    return Relay(name, address, _tls(home, address, config), credential.key_id, 2 * MAX_STOP, 0, STOPS), credential


def _tls(home: Path, address: tuple[str, int], config: dict[str, Any]) -> ssl.SSLContext | None:
    return client_tls(address[0], home / config["ca"] if "ca" in config else None)


def _same(credential: Credential) -> Credential:
    return credential


def _coordinator(path: Path) -> Credential | None:
    """A coordinator that this node's operator names, because the policy does not name it yet; raises InvalidInput."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        doc = parse_loose(file.read(MAX_BYTES + 1))
    return plain_key(fields(doc, "coordinator.json", {"name": str, "key": dict})["key"])


def main(home: Path) -> None:
    """Run the node of a home directory until a signal; exits with one line, 2 for its home, 1 for its disk."""
    try:
        os.umask(0o077)
        uvloop.run(Runner(home).run())
    except sqlite3.Error as error:  # what was not durable has not left: a new start goes on from what is
        say(f"strongroom: the disk fails: {error}")
        raise SystemExit(1) from None
    except (StrongroomError, OSError) as error:
        say(f"strongroom: {error}")
        raise SystemExit(2) from None
