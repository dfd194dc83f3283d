"""Four real nodes and two relays of stops in one process; the coordinator is whoever the test wants it to be."""

from __future__ import annotations

from typing import Any

from strongroom.documents.envelope import Envelope
from strongroom.relay.board import Board
from strongroom.wire.frame import Frame
from tests.unit.signer.fleet import Fleet
from tests.workspace import NODES


class Town:
    """The fleet, its relays `east` and `west`, and who dials which of them."""

    def __init__(self, fleet: Fleet | None = None, **links: tuple[str, ...]) -> None:
        self.fleet = fleet or Fleet().ready()
        self.links = links or {"east": NODES, "west": NODES}
        self.keys = {name: self.fleet.home.keys[name].credential for name in NODES}
        self.queue: list[tuple[str, Frame]] = []
        self.answers: list[Frame] = []
        self.boards = {name: self.board(name) for name in self.links}

    def board(self, name: str) -> Board:
        """A relay whose nodes have connected."""
        made = Board(self.fleet.id, lambda: self.keys, lambda node, frame: self.queue.append((node, frame)),
                     lambda: self.fleet.now, lambda line: None)  # fmt: skip
        for node in self.links[name]:
            made.joined(node)
        return made

    def carry(self) -> None:
        """Deliver everything between nodes and relays."""
        while self.queue or any(node.relayed for node in self.fleet.nodes.values()):
            waiting, self.queue[:] = list(self.queue), []
            for node, frame in waiting:
                self.fleet.nodes[node].receive_stop(frame)
            for name, node in self.fleet.nodes.items():
                frames, node.relayed[:] = list(node.relayed), []
                for relay in [relay for relay, linked in self.links.items() if name in linked]:
                    for frame in frames:
                        self.boards[relay].take(name, frame)

    def hand(self, relay: str, envelope: Envelope, address: str = "192.0.2.1") -> dict[str, Any]:
        """A person brings a stop to a relay; what the relay answers once everybody had the time to."""
        frame = Frame("stop", "bob", "relay", {"envelope": envelope.to_doc()})
        self.boards[relay].ask(address, frame, self.answers.append)
        self.carry()
        self.tick(2_000)
        return self.answers.pop().head

    def tick(self, ms: int = 0) -> None:
        """Let time pass for everybody."""
        self.fleet.now += ms
        for board in self.boards.values():
            board.tick()
        self.fleet.tick()
        self.carry()

    def freeze(self, person: str = "bob", reason: str = "drill") -> Envelope:
        """Somebody's freeze of everything."""
        subject = {"scope": "workspace", "target": "", "reason": reason}
        return self.fleet.home.statement(person, "workspace.freeze", subject, bare=True)
