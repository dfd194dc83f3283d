"""The relay of stops outside the coordinator: its production core between the nodes and whoever hands it a stop."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from strongroom.documents.envelope import Envelope
from strongroom.errors import StrongroomError
from strongroom.relay.board import Board
from strongroom.signer.node import Node
from strongroom.wire.frame import Frame
from strongroom.wire.stops import RELAY

if TYPE_CHECKING:
    from tests.simulation.world import World

DOWN: Final = (0.5, 3.0)
DIAL: Final = (0.01, 0.8)
FAST: Final = (0.0005, 0.003)
TICK: Final = 0.5


class StopRelay:
    """One process that forgets everything when it crashes; the coordinator's owner has no power over it."""

    def __init__(self, world: World) -> None:
        self.world, self.rng = world, random.Random(f"{world.seed} stop relay")
        self.board: Board | None = None
        self._connections: dict[str, int] = {}
        self._count = 0

    def start(self) -> None:
        """Listen."""
        if self.board is None and not self.world.plan.relayless:
            keys = {name: machine.key.credential for name, machine in self.world.machines.items()}
            self.board = Board(
                self.world.template.workspace, lambda: keys, self._send, self.world.now, lambda line: None
            )

    def crash(self) -> None:
        """Everything that it carried is gone; nodes bring it again."""
        self.board = None
        self._connections.clear()
        self.world.later(self.rng.uniform(*DOWN), "start stop relay", self.start)

    def tick(self) -> None:
        """Time passes; nodes that have no connection dial."""
        for name, machine in self.world.machines.items():
            if self.board is not None and name not in self._connections and machine.node is not None:
                self._count += 1
                self._connections[name] = self._count
                self.board.joined(name)
                machine.do(Node.relay_connected)
        if self.board is not None:
            self.board.tick()

    def disconnect(self, name: str) -> None:
        """A node's connection has ended."""
        if self._connections.pop(name, None) is not None and self.board is not None:
            self.board.left(name)

    def hand_in(self, stop: Envelope) -> None:
        """A person hands a stop to this relay, which answers who holds it."""
        if self.board is not None:
            frame = Frame("stop", "person", RELAY, {"envelope": stop.to_doc()})
            self.board.ask("a person's machine", frame, self.world.monitor.relay_answers)

    def from_node(self, name: str, frame: Frame) -> None:
        """What a node sends to its relays of stops."""
        self._carry(name, f"{frame.kind} {name}>relay", lambda board: board.take(name, frame))

    def _send(self, name: str, frame: Frame) -> None:
        machine = self.world.machines[name]
        self._carry(
            name, f"{frame.kind} relay>{name}", lambda board: machine.do(lambda node: node.receive_stop(frame))
        )

    def _carry(self, name: str, what: str, deliver: Callable[[Board], None]) -> None:
        connection = self._connections.get(name)
        if connection is None or self.rng.random() < self.world.plan.lost:
            return

        def arrive() -> None:
            if self.board is not None and self._connections.get(name) == connection:
                try:
                    deliver(self.board)
                except StrongroomError:
                    self.disconnect(name)

        self.world.later(self.rng.uniform(*FAST), what, arrive)
