"""A whole coordinator with real witnesses: what it sends them, they send it and each other, in one event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from strongroom.policy.model import Duty
from strongroom.signer.disk import Disk
from strongroom.signer.node import Node, Settings
from strongroom.wire.frame import Frame, join_entries
from tests.unit.coordinator.doubles import Coordinator, FakeWires
from tests.workspace import NODES, Workspace

TICK_MS = 200  # of the clock, in a hundredth of a second


class Wires(FakeWires):
    """Frames between the coordinator and real nodes, and among these; `cut` lists who is not connected."""

    def __init__(self, real: dict[str, Node]) -> None:
        super().__init__()
        self.real, self.connected = real, set[str]()

    def send(self, node: str, frame: Frame) -> None:
        asyncio.get_running_loop().call_soon(self._give, frame)

    def _give(self, frame: Frame) -> None:
        if frame.to in self.connected:
            self.real[frame.to].receive(frame)
            self.flush(frame.to)

    def flush(self, name: str) -> None:
        frames, self.real[name].outbox[:] = list(self.real[name].outbox), []
        for frame in frames if name in self.connected else ():
            if frame.to == "coordinator":
                asyncio.get_running_loop().call_soon(self._back, name, frame)
            else:
                asyncio.get_running_loop().call_soon(self._give, frame)

    def _back(self, node: str, frame: Frame) -> None:
        if self.house is not None and node in self.connected:
            self.house.hall.take(node, frame)


class Installation(Coordinator):
    """The coordinator of the doubles over real nodes without shares, on disks in memory."""

    def __init__(self, path: Path, desk: Workspace) -> None:
        self.real: dict[str, Node] = {}
        self.disks: dict[str, sqlite3.Connection] = {}
        self.ticking: asyncio.Task[None] | None = None
        super().__init__(path, desk)
        for name in NODES:
            self.node(name)

    def _wires(self) -> FakeWires:
        return Wires(self.real)

    def node(self, name: str) -> Node:
        """(Re)start a node on its disk."""
        disk = self.disks.setdefault(name, sqlite3.connect(":memory:"))
        disk.rollback()
        duty = Duty.GUARDIAN if name.startswith("guardian") else Duty.SIGNER
        settings = Settings(name, duty, self.desk.state.workspace)
        self.real[name] = Node(settings, self.desk.keys[name], Disk(disk), None, lambda: self.now)
        return self.real[name]

    def hold(self, name: str, home: Workspace, since: int = 0, note: str = "") -> None:
        """Give a node entries before anybody connects."""
        body = join_entries([entry.raw for entry in home.entries[since:]])
        head = {"from": since, "note": note, "accepts": []}
        self.real[name].receive(Frame("append", "coordinator", name, head, body))
        self.real[name].outbox.clear()

    async def open(self, *names: str) -> None:
        """Start the coordinator and connect nodes, all by default."""
        self.house.load()
        await self.house.start()
        self.ticking = asyncio.get_running_loop().create_task(self._tick())
        for name in names or NODES:
            self.connect(name)

    def connect(self, name: str) -> None:
        assert isinstance(self.wires, Wires) and self.wires.house is not None
        self.wires.connected.add(name)
        self.wires.house.hall.joined(name)
        self.real[name].connected()
        self.wires.flush(name)

    def disconnect(self, name: str) -> None:
        assert isinstance(self.wires, Wires) and self.wires.house is not None
        self.wires.connected.discard(name)
        self.wires.house.hall.left(name)

    async def _tick(self) -> None:
        assert isinstance(self.wires, Wires)
        while True:
            await asyncio.sleep(0.01)
            self.now += TICK_MS
            for name in list(self.wires.connected):
                self.real[name].tick()
                self.wires.flush(name)

    def roots(self, *names: str) -> set[bytes]:
        """The heads that nodes have accepted."""
        return {self.real[name]._here.replica.accepted.root for name in names or NODES}

    async def close(self) -> None:
        if self.ticking is not None:
            self.ticking.cancel()
        await super().close()
