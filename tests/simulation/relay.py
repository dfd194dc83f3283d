"""The wires and the relay: frames between coordinator and nodes that may be lost, doubled, late or out of order."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Protocol

from strongroom.custody.stops import STOPS
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR
from strongroom.wire.relay import PEER_KINDS
from tests.simulation.plan import Plan

FAST: Final = (0.0005, 0.003)  # seconds that a frame takes
LATE: Final = (0.05, 5.0)
Deliver = Callable[[Frame], None]


class Listener(Protocol):
    """The coordinator's side (coordinator.hall.Hall)."""

    def joined(self, node: str) -> None: ...
    def left(self, node: str) -> None: ...
    def take(self, node: str, frame: Frame) -> None: ...


class Wires:
    """Connections by node. What is on its way when a connection ends is lost with it."""

    def __init__(
        self, plan: Plan, rng: random.Random, later: Callable[[float, str, Callable[[], None]], None],
        now: Callable[[], float],
    ) -> None:  # fmt: skip
        self.plan, self._rng, self._later, self._now = plan, rng, later, now
        self.listener: Listener | None = None
        self.machines: dict[str, Deliver] = {}
        self.carried: list[Callable[[Frame], None]] = []
        """Who sees every frame that enters the wires: the relay hides nothing from its owner."""
        self._connections: dict[str, int] = {}
        self._count = 0
        self._last: dict[tuple[str, str], float] = {}

    def connected(self, node: str) -> bool:
        """Whether a node has a connection."""
        return node in self._connections

    def connect(self, node: str) -> bool:
        """Open a node's connection; False while nobody listens."""
        if self.listener is None:
            return False
        self.disconnect(node)
        self._count += 1
        self._connections[node] = self._count
        self.listener.joined(node)
        return True

    def disconnect(self, node: str) -> None:
        """End a node's connection, if it has one."""
        if self._connections.pop(node, None) is not None and self.listener is not None:
            self.listener.left(node)

    def hang_up(self) -> None:
        """The listener is gone, and every connection with it."""
        self.listener = None
        self._connections.clear()

    def send(self, node: str, frame: Frame) -> None:
        """The coordinator's Transport."""
        for eye in self.carried:
            eye(frame)
        self._carry(frame, node, lambda: self.machines[node](frame))

    def from_node(self, node: str, frame: Frame) -> None:
        """What a node sends: to the coordinator, or through it to another node."""
        for eye in self.carried:
            eye(frame)
        if frame.to == COORDINATOR:
            self._carry(frame, node, lambda: self._listen(node, frame))
        elif frame.kind in PEER_KINDS and frame.to in self.machines and self.connected(node):
            self._carry(frame, frame.to, lambda: self.machines[frame.to](frame))

    def _listen(self, node: str, frame: Frame) -> None:
        if self.listener is not None:
            self.listener.take(node, frame)

    def _carry(self, frame: Frame, node: str, deliver: Callable[[], None]) -> None:
        connection, plan, chance = self._connections.get(node), self.plan, self._rng.random
        withheld = plan.withholds and (frame.kind == "stop" or frame.head.get("kind") in STOPS)
        if connection is None or withheld or chance() < plan.lost:
            return

        def arrive() -> None:
            if self._connections.get(node) == connection:
                deliver()

        for _ in range(2 if chance() < plan.doubled else 1):
            due = self._now() + self._rng.uniform(*(LATE if chance() < plan.late else FAST))
            if plan.in_order:
                way = (frame.sender, frame.to)
                due = self._last[way] = max(due, self._last.get(way, 0.0) + 1e-6)
            self._later(due - self._now(), f"{frame.kind} {frame.sender}>{frame.to}", arrive)
