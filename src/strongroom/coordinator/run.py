"""The coordinator's process: reads its home, takes the lease, listens, and ends cleanly on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NoReturn

import uvicorn
import uvloop
from sqlalchemy import Connection, update
from sqlalchemy.exc import DBAPIError

from strongroom.coordinator.config import Config, load_config
from strongroom.coordinator.house import House
from strongroom.coordinator.notices.carriers import open_post
from strongroom.coordinator.onward import Onward
from strongroom.coordinator.ports import system_clock
from strongroom.coordinator.service import Service
from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY
from strongroom.custody.witnesses import witnesses
from strongroom.documents.credentials import SigningKey
from strongroom.errors import InvalidInput, StrongroomError, Waiting
from strongroom.log.entry import parse_entry
from strongroom.log.tree import CompactRange
from strongroom.nodes.evm import EvmNode
from strongroom.store.database import Database
from strongroom.store.journal import Journal, ThreadRunner
from strongroom.store.lease import Lease, acquire
from strongroom.store.log import append
from strongroom.store.tables import LEASES
from strongroom.wire.relay import Relay

ServeApi = Callable[[Service], Any]
"""Makes the ASGI application over the service; surfaces give it, for roles do not import them."""

LEASE: Final = "sequencer"
SWITCH_SECONDS: Final = 0.0005
"""How long the event loop may keep the interpreter from the journal's thread, and the thread from the loop."""
LEASE_MS: Final = 15_000
RENEW_SECONDS: Final = 5.0


def main(home: Path, serve_api: ServeApi) -> None:
    """Run until told to stop; exits with 2 and one line when the home cannot be used."""
    try:
        config = load_config(home)
        key = SigningKey.load(home / "log.key")
        lock = _lock(home)
    except (StrongroomError, OSError) as error:
        _say(str(error))
        raise SystemExit(2) from None
    sys.setswitchinterval(SWITCH_SECONDS)
    with lock:
        try:
            uvloop.run(_serve(config, key, serve_api))
        except StrongroomError as error:
            _say(str(error))
            raise SystemExit(2) from None
        except DBAPIError as error:
            _fail(error)


def _fail(error: BaseException) -> NoReturn:
    """End with what the database said, without the statement and the values that it was given."""
    _say(f"the store fails: {error.orig if isinstance(error, DBAPIError) else error}")
    raise SystemExit(1) from None


def found(config: Config, database: Database, lease: Lease) -> None:
    """Begin an empty log with the creation entry that `workspace init` left as genesis.json."""
    path = config.home / "genesis.json"
    with database.reading() as connection:
        begun = connection.exec_driver_sql("SELECT 1 FROM entries").first() is not None
    if not begun and path.exists():
        entry = parse_entry(path.read_bytes())
        apply(EMPTY, entry)
        append(database, lease, CompactRange(), [entry])


async def _serve(config: Config, key: SigningKey, serve_api: ServeApi) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    failures: list[BaseException] = []

    def failed(error: BaseException) -> None:
        failures.append(error)
        stopped.set()

    database = Database.open(config.database)
    lease = await _claim(config, database)
    runner = ThreadRunner()
    try:
        found(config, database, lease)
        journal = Journal(database, lease, runner, failed)
        relay = Relay(config.workspace, key, lambda: credentials(house), _say)
        nodes = {chain: EvmNode(url) for chain, url in config.chains.items()}
        onward = Onward(config.stop_relays, config.stop_ca, lambda: credentials(house), _say)
        post = open_post(config.home, config.notices)
        house = House(
            config, database, journal, relay, nodes, key, system_clock, _say, pass_on=onward.pass_on, post=post
        )  # fmt: skip
        house.load()
        relay.house = house.hall
        tls = config.tls.context() if config.tls else None
        await house.start()
        await relay.listen(*config.relay, tls)
        _say(f"relay on {config.relay[0]}:{config.relay[1]}, log of {house.history.state.size} entries")
        server = _server(config, serve_api(house.service))
        serving = loop.create_task(server.serve())
        serving.add_done_callback(lambda _: stopped.set())
        renewing = loop.create_task(_renew(journal, lease))
        await stopped.wait()
        renewing.cancel()
        server.should_exit = True
        await asyncio.wait([serving], timeout=5)
        await relay.close()
        await onward.close()
        await house.stop()
        if not failures:
            await journal.drain()
    finally:
        runner.close()
        database.close()
    if failures:
        _fail(failures[0])
    _say("stopped")


def credentials(house: House) -> dict[str, Any]:
    """The enrolled nodes' credentials: also of one that leaves, until a quorum has cosigned that it does."""
    return witnesses(house.history.cosigned) | witnesses(house.history.state)


async def _claim(config: Config, database: Database) -> Lease:
    """Take the sequencer's lease; beside another active coordinator, wait as its standby."""
    holder = f"{socket.gethostname()}:{config.home.resolve()}"[:200]
    while True:
        try:
            return acquire(database, LEASE, holder, system_clock(), LEASE_MS)
        except Waiting:
            await asyncio.sleep(1)


async def _renew(journal: Journal, lease: Lease) -> None:
    def write(connection: Connection) -> None:
        expires = system_clock() + LEASE_MS
        connection.execute(update(LEASES).where(LEASES.c.name == lease.name).values(expires=expires))

    while True:
        await asyncio.sleep(RENEW_SECONDS)
        journal.write(write, lazy=True)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's matter, not the listener's."""
        yield


def _says_more(record: logging.LogRecord) -> bool:
    """Not that a call which still waited at the end was broken off: its caller sees that."""
    return not record.exc_info or not isinstance(record.exc_info[1], asyncio.CancelledError)


def _server(config: Config, app: Any) -> uvicorn.Server:
    logging.getLogger("uvicorn.error").addFilter(_says_more)
    host, port = config.api
    files: dict[str, Any] = {}
    if config.tls is not None:
        files = {"ssl_certfile": str(config.tls.certificate), "ssl_keyfile": str(config.tls.key)}
    return _Server(
        uvicorn.Config(
            app, host=host, port=port, log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=3, **files,
        )
    )  # fmt: skip


def _lock(home: Path) -> IO[str]:
    """One process per home; raises InvalidInput home.in_use."""
    file = (home / "lock").open("w")
    os.chmod(home / "lock", 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise InvalidInput("home.in_use", f"another process runs on {home}") from None
    return file


def _say(line: str) -> None:
    """One line per event, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
