"""The coordinator's machine: its database, its clock, its process, which may die between any two events."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from strongroom.coordinator.config import Config
from strongroom.coordinator.house import House
from strongroom.documents.names import ChainId
from strongroom.store.database import Database
from strongroom.store.journal import Journal
from strongroom.store.lease import acquire
from strongroom.wire.frame import Frame
from tests.workspace import CHAIN

if TYPE_CHECKING:
    from tests.simulation.world import World

DOWN: Final = (0.2, 5.0)
WRITE: Final = (0.0, 0.004)  # seconds that a transaction takes


class Process:
    """One life of the coordinator; after its end nothing of it reaches the disk or the wires."""

    def __init__(self, world: World, path: Path) -> None:
        self.world, self.alive = world, True
        self.rng = random.Random(f"{world.seed} coordinator {world.coordinator_lives}")
        self.database = Database.open(f"sqlite:///{path}")
        lease = acquire(self.database, "sequencer", "simulation", world.now(), 1000)
        journal = Journal(self.database, lease, self._write, world.monitor.store_failed)
        config = Config(
            path.parent, world.template.workspace, ("127.0.0.1", 0), ("127.0.0.1", 0), "", poll_ms=1000, bump_seconds=20
        )
        self.house = House(
            config, self.database, journal, self, {ChainId(CHAIN): world.chain}, world.template.keys["coordinator"],
            self.clock, world.say, self.rng.randbytes,
        )  # fmt: skip

    def clock(self) -> int:
        """The coordinator's own clock, unix milliseconds."""
        return self.world.now() + self.world.plan.skew.get("coordinator", 0)

    def send(self, node: str, frame: Frame) -> None:
        """The Transport of this life."""
        if self.alive:
            self.world.wires.send(node, frame)

    def _write(self, work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
        """The journal's Runner: the work takes effect a little later, and is told a little later still, if at all."""

        def effect() -> None:
            if not self.alive:
                return
            failure: BaseException | None = None
            try:
                work()
            except Exception as error:
                failure = error
            self.world.later(self.rng.uniform(*WRITE), "stored", lambda: done(failure) if self.alive else None)

        self.world.later(self.rng.uniform(*WRITE), "store", effect)

    async def end(self) -> None:
        """All tasks are gone."""
        self.alive = False
        await self.house.stop()
        self.database.close()


class CoordinatorMachine:
    """Starts lives of the coordinator on one database file."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world, self.path = world, directory / "strongroom.db"
        self.path.write_bytes(world.template.database)
        self.rng = random.Random(f"{world.seed} coordinator")
        self.process: Process | None = None
        self.copies: list[bytes] = []
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def house(self) -> House | None:
        """The living coordinator, if there is one."""
        return self.process.house if self.process else None

    def start(self) -> None:
        """Start from what the database holds, and listen."""
        if self.process is None:
            self.world.coordinator_lives += 1
            self.process = process = Process(self.world, self.path)
            process.house.load()
            self.world.monitor.coordinator_started(process.house)
            self._spawn(process.house.start())
            self.world.wires.listener = process.house.hall

    def crash(self, *, restart: bool = True) -> None:
        """The process is gone between two of its steps; open transactions with it."""
        if self.process is not None:
            self.process.alive = False
            self.world.wires.hang_up()
            self._spawn(self.process.end())
            self.process = None
            if restart:
                self.world.later(self.rng.uniform(*DOWN), "start coordinator", self.start)
            for machine in self.world.machines.values():
                machine.dial()

    def copy_disk(self) -> None:
        """Somebody makes a backup of the database."""
        connection = sqlite3.connect(self.path)
        self.copies.append(connection.serialize())
        connection.close()

    def restore(self) -> None:
        """An old backup takes the database's place."""
        image = self.rng.choice(self.copies)
        self.crash(restart=False)

        def put_back() -> None:
            for name in (self.path, *self.path.parent.glob(self.path.name + "-*")):
                name.unlink(missing_ok=True)
            self.path.write_bytes(image)
            self.start()

        self.world.later(self.rng.uniform(*DOWN), "restore coordinator", put_back)

    def _spawn(self, work: object) -> None:
        task = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

