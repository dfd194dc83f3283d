"""One seed: the world is built, faults and people happen, and after every step the invariants are asked."""

from __future__ import annotations

import asyncio
import hashlib
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from strongroom.custody.state import EMPTY, CustodyState
from strongroom.wire.frame import Frame
from tests.simulation import loop as virtual
from tests.simulation.attacker import Attacker
from tests.simulation.byzantine import Byzantine
from tests.simulation.chain import BLOCK_SECONDS, Chain
from tests.simulation.coordinator import CoordinatorMachine
from tests.simulation.invariants import Monitor, Violation
from tests.simulation.machine import Machine
from tests.simulation.people import People
from tests.simulation.plan import Plan, draw
from tests.simulation.relay import Wires
from tests.simulation.stop_relay import StopRelay
from tests.simulation.template import template
from tests.workspace import CHAIN

STEPS: Final = 600
LONGEST: Final = 600.0  # virtual seconds
CALM: Final = 90.0  # virtual seconds in which the log must go on once nothing fails any more
CALM_STEPS: Final = 6000
EVERY: Final = 0.25  # seconds between two looks at what might go wrong next


@dataclass(frozen=True)
class Outcome:
    """How a seed went: `trace` is a hash over all its steps, equal in every replay."""

    seed: int
    steps: int
    seconds: float
    contributions: int
    repairs: int
    final: int
    trace: str
    violation: str
    number: str


class Over(Exception):
    """The seed has had its steps."""


class World:
    """Everything of one seed; all randomness comes from it."""

    def __init__(self, seed: int, loop: virtual.VirtualLoop, directory: Path, steps: int, log: Callable[[str], None]):
        self.seed, self.loop, self.most, self._log = seed, loop, steps, log
        self.template, self.rng = template(), random.Random(f"{seed} world")
        self.plan: Plan = draw(random.Random(f"{seed} plan"))
        self.steps, self.coordinator_lives = 0, 0
        self.trace = hashlib.sha256()
        self.over: asyncio.Future[None] = loop.create_future()
        self.asked_root = b""
        self.submitted: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = []
        """What people and nodes have asked to be logged: kind, body, evidence."""
        self.start_state: CustodyState = EMPTY
        self.monitor = Monitor(self)
        self.chain = Chain(
            self.template.address, random.Random(f"{seed} chain"), self.monitor.mined, self.plan.chain_faults
        )
        self.wires = Wires(self.plan, random.Random(f"{seed} wires"), self.later, loop.time)
        self.wires.carried.append(self._see)
        self.people, self.coordinator = People(self), CoordinatorMachine(self, directory)
        self.machines = {
            name: (Byzantine if name == self.plan.byzantine else Machine)(self, name, image)
            for name, image in self.template.nodes.items()
        }
        self.wires.machines = {name: machine.receive for name, machine in self.machines.items()}
        self.stop_relay = StopRelay(self)
        self.attacker = Attacker(self) if self.plan.attack else None

    def now(self) -> int:
        """True time, unix milliseconds."""
        return self.template.time + 60_000 + int(self.loop.time() * 1000)

    def say(self, line: str) -> None:
        """One line of what happens, with the time."""
        self._log(f"{self.loop.time():9.4f} {line}")

    def later(self, seconds: float, what: str, action: Callable[[], None]) -> None:
        """Let something happen after a while: one step."""
        self.loop.call_later(max(0.0, seconds), self.step, what, action)

    def step(self, what: str, action: Callable[[], None]) -> None:
        """Do it, and then ask every invariant."""
        if self.over.done():
            return
        self.steps += 1
        line = f"{self.loop.time():.6f} {what}"
        self.trace.update(line.encode())
        self._log(line)
        try:
            action()
            self.monitor.check()
            if self.steps >= self.most or self.loop.time() >= LONGEST:
                raise Over
        except (Exception, AssertionError) as end:
            self.over.set_exception(end)

    def _see(self, frame: Frame) -> None:
        if frame.kind == "cosign":
            self.asked_root = bytes.fromhex(frame.head["root"])
        if frame.kind == "submit":
            self.submitted.append((frame.head["kind"], frame.head["body"], frame.head["evidence"]))

    async def run(self) -> None:
        """From the first start to the last step; raises Violation."""
        self.coordinator.start()
        self.stop_relay.start()
        for machine in self.machines.values():
            machine.start()
            self._repeat(self.plan.tick, f"tick {machine.name}", machine.tick)
        self._repeat(BLOCK_SECONDS, "block", self.chain.advance)
        self.loop.call_later(EVERY, self._fate)
        try:
            await self.over
        except Over:
            if self.plan.recovers and self.seed % 4 == 0:
                await self._recover()
            self.monitor.at_the_end()

    async def _recover(self) -> None:
        """Once nothing fails any more, the log goes on, and whatever was authorized comes to its end."""
        self.say("calm")
        self.plan = self.wires.plan = self.plan.calm()
        self.chain.faults, self.over = 0.0, self.loop.create_future()
        self.most, ends = self.steps + CALM_STEPS, self.loop.time() + CALM
        probe = f"{CHAIN}:0x{'ca' * 20}"
        while self._stuck(probe):
            if self.over.done():
                await self.over
            if self.loop.time() > ends:
                raise Violation("live", f"{CALM:.0f} s after the last fault {self._stuck(probe)}")
            await asyncio.sleep(1.0)
            self.people.list_address(probe)
            self.people.repair()

    def _stuck(self, probe: str) -> str:
        house = self.coordinator.house
        if house is None or (probe, "vendors") not in house.desk.cosigned.addresses:
            return "the log does not go on"
        state = house.desk.cosigned
        under_way = [name for name in state.open if state.transfers[name].authorization is not None]
        return " and ".join(f"transfer {name[:12]} is still open" for name in under_way)

    def _repeat(self, seconds: float, what: str, action: Callable[[], None]) -> None:
        def again() -> None:
            action()
            self.later(seconds * self.rng.uniform(0.9, 1.1), what, again)

        self.later(seconds * self.rng.random(), what, again)

    def _fate(self) -> None:
        """What may go wrong in this quarter of a second, and what people do."""
        plan, chance = self.plan, self.rng.random
        self.loop.call_later(EVERY, self._fate)
        self.stop_relay.tick()
        if chance() < plan.relay_crashes * EVERY:
            self.step("crash stop relay", self.stop_relay.crash)
        for machine in self.machines.values():
            if chance() < plan.node_crashes * EVERY and machine.node is not None:
                if chance() < 0.5:
                    self.step(f"crash {machine.name}", machine.crash)
                else:
                    machine.disk.arm(self.rng.randint(1, 6), after=chance() < 0.5)
            if chance() < plan.outages * EVERY:
                self.step(f"outage {machine.name}", partial(self._cut_off, machine))
        if chance() < plan.coordinator_crashes * EVERY:
            self.step("crash coordinator", self.coordinator.crash)
        if chance() < 0.1:
            self.coordinator.copy_disk()
        if self.coordinator.copies and self.coordinator.process and chance() < plan.coordinator_restores * EVERY:
            self.step("restore coordinator", self.coordinator.restore)
        if plan.restored:
            self._restore(self.machines[plan.restored])
        if chance() < plan.acts * EVERY * 4:
            self.step("people", self.people.act)
        if self.attacker is not None and plan.attack and chance() < 0.3:
            self.step("attacker", self.attacker.move)

    def _cut_off(self, machine: Machine) -> None:
        self.wires.disconnect(machine.name)
        machine.dial()

    def _restore(self, machine: Machine) -> None:
        if self.rng.random() < 0.2:
            machine.copy_disk()
        elif machine.copies and machine.node is not None and self.rng.random() < 0.05:
            self.step(f"restore {machine.name}", machine.restore)


def play(seed: int, *, steps: int = STEPS, log: Callable[[str], None] = lambda line: None) -> Outcome:
    """Run one seed to its end; what it found is in the outcome."""
    violation: Violation | None = None
    worlds: list[World] = []
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:

        async def main(loop: virtual.VirtualLoop) -> None:
            nonlocal violation
            world = World(seed, loop, Path(directory), steps, log)
            worlds.append(world)
            try:
                await world.run()
            except Violation as found:
                violation = found
            finally:
                world.coordinator.crash(restart=False)

        loop = virtual.run(main)
    (world,) = worlds
    return Outcome(
        seed, world.steps, loop.time(), world.monitor.contributions,
        world.monitor.repairs, len(world.monitor._final),
        world.trace.hexdigest()[:16], str(violation or ""), violation.number if violation else "",
    )  # fmt: skip
