"""What the parts of one node share, and how each of its threshold sessions begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.custody.state import CustodyState
from strongroom.documents.canonical import digest
from strongroom.documents.credentials import SigningKey
from strongroom.documents.names import parse_hash
from strongroom.documents.statement import Seen, Statement, sign_statement
from strongroom.keys.threshold import Keygen, Session, Signature
from strongroom.signer.disk import Disk
from strongroom.signer.peers import Peers
from strongroom.signer.probes import Probes, Root
from strongroom.signer.rejoin import Rejoin
from strongroom.signer.replica import Replica
from strongroom.signer.sessions import TIMEOUT, Job, Sessions
from strongroom.signer.stops import Stops
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR
from strongroom.wire.stops import RELAY


@dataclass(frozen=True, slots=True)
class Station:
    """One process of one node."""

    name: str
    key: SigningKey
    clock: Callable[[], int]
    disk: Disk
    replica: Replica
    rejoin: Rejoin
    stops: Stops
    probes: Probes
    peers: Peers
    sessions: Sessions
    outbox: list[Frame]
    relayed: list[Frame]

    def send(self, kind: str, head: dict[str, Any], body: bytes = b"") -> None:
        """A frame for the coordinator, to leave once everything it tells is durable."""
        self.outbox.append(Frame(kind, self.name, COORDINATOR, head, body))

    def tell_relays(self, kind: str, head: dict[str, Any]) -> None:
        """A frame for every relay of stops."""
        self.relayed.append(Frame(kind, self.name, RELAY, head))

    def statement(
        self, kind: str, subject: dict[str, Any], seen: Seen | None = None, until: int | None = None
    ) -> dict[str, Any]:
        """This node's own signed statement, as the document of its envelope; `until` in unix ms."""
        made = Statement(self.replica.workspace, kind, subject, None, seen, self.name, self.key.key_id, until)
        return sign_statement(made, self.key).to_doc()

    def speaks(self) -> bool:
        """Whether this node may accept its head: rejoined, on its newest disk, under the repair it has stated for."""
        replica = self.replica
        return self.rejoin.holds() and not replica.restored and replica.accepted.repair >= replica.stated

    def require_voice(self, size: int | None = None) -> None:
        """Raises Refused unless this disk is the newest and the own log, up to a size, extends enough others'."""
        self.replica.require_own_disk()
        self.rejoin.require(size)

    def states(self) -> tuple[CustodyState, ...]:
        """Where a grant must hold: at the quorum-cosigned head and at the newest, with the stops that wait."""
        cosigned, accepted, now = self.replica.state, self.replica.accepted, self.clock()
        states = (cosigned,) if accepted is cosigned else (cosigned, accepted)
        return tuple(self.stops.over(state, now) for state in states)

    def begin(
        self, what: str, ref: str, root: Root, about: dict[str, Any], nonce: str, indices: Mapping[str, int],
        make: Callable[[bytes], Session], permit: Callable[[], None], finish: Callable[[Keygen | Signature], None],
    ) -> None:  # fmt: skip
        """Start a session among the nodes of `indices`, unless it runs; its id binds all that they must agree on."""
        names = list(indices)
        where = {"workspace": self.replica.workspace, "participants": names, "boots": self.peers.boots(names)}
        session = digest({**about, **where, "nonce": parse_hash(nonce)})
        if not self.sessions.running(session):
            others = {name: index for name, index in indices.items() if name != self.name}
            channels, deadline = self.peers.channels(session, names), self.clock() + TIMEOUT[what]
            core = make(bytes.fromhex(session))
            self.sessions.start(Job(what, ref, session, root, core, others, channels, deadline, permit, finish))
