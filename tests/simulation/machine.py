"""A machine with one node: its disk, its clock, its process, which may die at any call or commit and start again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from strongroom.policy.model import Duty
from strongroom.signer.disk import Disk
from strongroom.signer.node import Node, Settings
from strongroom.wire.frame import Frame
from tests.simulation.core import Core
from tests.simulation.disks import Connection, Crash

if TYPE_CHECKING:
    from tests.simulation.world import World

DOWN: Final = (0.1, 4.0)  # seconds between a crash and the next start
DIAL: Final = (0.01, 0.8)


class Machine:
    """One node and what it runs on."""

    def __init__(self, world: World, name: str, image: bytes) -> None:
        self.world, self.name, self.disk = world, name, Connection(image)
        self.duty = Duty.GUARDIAN if name.startswith("guardian") else Duty.SIGNER
        self.key = world.template.keys[name]
        self.rng = random.Random(f"{world.seed} {name}")
        self.skew = world.plan.skew.get(name, 0)
        self.node: Node | None = None
        self.copies: list[bytes] = []
        self.boots = 0
        self.faulty = False
        """Byzantine, or put back from an old disk: what honest nodes promise is not asked of it."""

    def clock(self) -> int:
        """This machine's own clock, unix milliseconds."""
        return self.world.now() + self.skew

    def start(self) -> None:
        """Start a process from what the disk holds, and dial."""
        if self.node is not None:
            return None
        self.boots += 1
        entropy = random.Random(f"{self.world.seed} {self.name} {self.boots}").randbytes
        settings = Settings(self.name, self.duty, self.world.template.workspace)
        vault = Core(self.world.template.secret, self, self._cheat) if self.duty is Duty.SIGNER else None
        try:
            self.node = Node(settings, self.key, Disk(self.disk), vault, self.clock, entropy, self._tell)  # type: ignore[arg-type]
        except Crash:
            return self.crash()
        self.world.monitor.started(self)
        return self.dial()

    def dial(self) -> None:
        """Connect to the relay, now or as soon as somebody listens."""
        boot = self.boots

        def try_again() -> None:
            if self.node is None or self.boots != boot or self.world.wires.connected(self.name):
                return
            if self.world.wires.connect(self.name):
                self.do(Node.connected)
            else:
                self.world.later(self.rng.uniform(*DIAL), f"dial {self.name}", try_again)

        self.world.later(self.rng.uniform(*DIAL), f"dial {self.name}", try_again)

    def crash(self) -> None:
        """The process is gone, and with it all that was not committed or sent; it starts again later."""
        self.node = None
        self.disk.power_off()
        self.world.wires.disconnect(self.name)
        self.world.stop_relay.disconnect(self.name)
        self.world.later(self.rng.uniform(*DOWN), f"start {self.name}", self.start)

    def copy_disk(self) -> None:
        """Somebody makes a copy of the disk, to be put back one day."""
        self.copies.append(self.disk.image())

    def restore(self) -> None:
        """Put an older copy of the disk under the node: from now on it counts as bad."""
        self.faulty = True
        self.crash()
        self.disk = Connection(self.rng.choice(self.copies))

    def receive(self, frame: Frame) -> None:
        """A frame arrives."""
        self.world.monitor.arrived(self, frame)
        self.do(lambda node: node.receive(frame))

    def tick(self) -> None:
        """Time passes."""
        self.do(Node.tick)

    def do(self, action: Callable[[Node], None]) -> None:
        """One call of the node; what it has to say leaves when the call has returned."""
        node, world = self.node, self.world
        if node is None:
            return None
        try:
            action(node)
        except Crash:
            return self.crash()
        except Exception as error:
            return world.monitor.raised(self.name, error)
        frames, node.outbox[:] = list(node.outbox), []
        stops, node.relayed[:] = list(node.relayed), []
        for frame in frames:
            self.say(frame)
        for stop in stops:
            self.world.monitor.leaves(self, stop)
            self.world.stop_relay.from_node(self.name, stop)
        return None

    def say(self, frame: Frame) -> None:
        """Let a frame leave this machine."""
        self.world.monitor.leaves(self, frame)
        self.world.wires.from_node(self.name, frame)

    def contributes(self, index: int, session: bytes, digest: bytes, participants: Sequence[int]) -> None:
        """The core is about to give its last-round message away (core.Observer)."""
        self.world.monitor.contributes(self, session, digest, participants)

    def _tell(self, line: str) -> None:
        self.world.say(f"{self.name} {line}")

    def _cheat(self, session: bytes) -> int:
        bad = self.name == self.world.plan.byzantine and self.world.plan.cheats
        return random.Random(session + self.name.encode()).choice((0, 0, 1, 2)) if bad else 0
