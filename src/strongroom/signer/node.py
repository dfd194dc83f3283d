"""The node: frames and ticks go in, frames come out; clock, randomness, disk and threshold core are handed in.

A frame may leave only after the call that made it has returned: by then everything it tells is durable.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from strongroom.custody.digest import state_digest
from strongroom.custody.state import Bar, CustodyState
from strongroom.documents.canonical import fields
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Seen
from strongroom.errors import InvalidInput, Refused, StrongroomError
from strongroom.keys.threshold import Vault
from strongroom.policy.model import Duty
from strongroom.signer.disk import Disk
from strongroom.signer.keygen import Generation, Shares
from strongroom.signer.peers import Peers
from strongroom.signer.probes import Probes
from strongroom.signer.rejoin import Rejoin
from strongroom.signer.replica import Replica
from strongroom.signer.sessions import Sessions
from strongroom.signer.signing import Signing
from strongroom.signer.station import Station
from strongroom.signer.stops import Stops
from strongroom.signer.witness import Witness
from strongroom.wire.frame import Frame, join_entries
from strongroom.wire.handshake import COORDINATOR
from strongroom.wire.stops import receipt

EVERY: Final = 5_000  # ms between two reports, and before a request to the log is repeated
START_VALID: Final = 600_000  # ms that a statement of the own start may wait for the log
ENTRIES: Final = 1000  # in one answer
_ENTRIES_BYTES: Final = 4 << 20
_REF: Final = {
    "append": "from", "cosign": "size", "repair.ask": "number", "sign": "transfer", "possession": "name",
    "keygen": "name", "refresh": "key",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """Who the node is: its name and duty in the policy, and the workspace (hex) that it is pinned to."""

    name: str
    duty: Duty
    workspace: str


class Node:
    """A signer, or without a vault a guardian. One instance is one boot.

    Raises nothing for what others send; an error of the disk ends the process, which starts from what is durable.
    """

    def __init__(
        self, settings: Settings, key: SigningKey, disk: Disk, vault: Vault | None,
        clock: Callable[[], int], entropy: Callable[[int], bytes] = os.urandom,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        self.name, self._clock, self._say = settings.name, clock, say
        self.outbox, self.relayed = list[Frame](), list[Frame]()  # to the coordinator's relay; to each relay of stops
        replica = Replica(settings.workspace, self.name, disk, key.credential)
        if replica.sealed.refused:
            say(f"the whole log was folded: {replica.sealed.refused}")
        peers, probes = Peers(self.name, key, entropy(32).hex(), entropy(32), replica), Probes(disk)
        disk.put("boot", peers.boot, {})
        disk.commit()
        rejoin = Rejoin(replica, self.name, key, entropy(32).hex())
        sessions = Sessions(self.name, probes, self.outbox.append, self._refuse)
        self._here = here = Station(
            self.name, key, clock, disk, replica, rejoin, Stops(disk), probes, peers, sessions, self.outbox,
            self.relayed,
        )
        self._witness, self._holds_shares = Witness(here), settings.duty is Duty.SIGNER and vault is not None
        self._handlers: dict[str, Callable[[Frame], None]] = {
            "append": self._on_append, "cosign": self._witness.on_cosign, "checkpoint": self._witness.on_checkpoint,
            "repair.ask": self._witness.on_repair_ask, "change.ask": self._witness.on_change_ask,
            "stop": self._on_stop, "head.ask": lambda _: self._report(), "entries.ask": self._on_entries_ask,
            "digest.ask": self._on_digest_ask,
            **dict.fromkeys(("sign", "possession", "keygen", "refresh"), _no_shares),
        }  # fmt: skip
        self._generation: Generation | None = None
        if settings.duty is Duty.SIGNER and vault is not None:
            shares = Shares(disk)
            signing = Signing(here, self._witness, shares, vault)
            self._handlers |= {"sign": signing.on_sign, "possession": signing.on_possession}
            self._generation = generation = Generation(here, shares, vault)
            self._handlers |= {"keygen": generation.on_keygen, "refresh": generation.on_refresh}
        self._speaks = False  # whether it has rejoined, as last reported
        self._accepted: bytes | None = b""  # the root that was accepted last; None asks for an answer in any case
        self._reported = 0
        self._requested: dict[str, int] = {}  # what the log was asked to take, and when
        self._passed: dict[str, int] = {}  # the stops that the relays were handed, and when

    @property
    def coordinator(self) -> Credential | None:
        """The coordinator's key by the own replica, None before the first entry."""
        policy = self._here.replica.accepted.policy
        return policy.coordinator if policy else None

    def connected(self) -> None:
        """A connection to the relay has passed its handshake."""
        self._requested.clear()
        self._report()
        self._after()

    def relay_connected(self) -> None:
        """A connection to a relay of stops has passed its handshake: it is told what is held."""
        self._passed.clear()
        self._after()

    def tick(self) -> None:
        """Time has passed: several times a second."""
        now = self._clock()
        self._here.sessions.tick(now)
        if not 0 <= now - self._reported < EVERY:
            self._report()
        self._after(idle=True)

    def receive(self, frame: Frame) -> None:
        """Act on one frame; what is refused changes nothing and is answered with its code."""
        try:
            self._dispatch(frame)
        except StrongroomError as error:
            order = frame.head.get("order")
            ref = (order if isinstance(order, dict) else frame.head).get(_REF.get(frame.kind, ""), "")
            self._refuse(frame.kind, str(ref)[:64] if isinstance(ref, str | int) else "", error)
            if error.code == "log.gap":
                self._report()
        self._after()

    def receive_stop(self, frame: Frame) -> None:
        """Act on a frame of a relay of stops, which can bring nothing else."""
        try:
            if frame.kind != "stop":
                raise InvalidInput("frame.unknown_kind", "such a relay carries stops only")
            self._on_stop(frame)
        except StrongroomError as error:
            ref = frame.head.get("ref")
            head = {"ref": ref if isinstance(ref, str) else "", "code": error.code, "message": error.message[:500]}
            self._here.tell_relays("refused", head)
        self._after()

    def take_stop(self, envelope: dict[str, Any]) -> None:
        """A stop from a person at this machine; raises StrongroomError when it cannot be held, or not yet."""
        self._hold(Envelope.from_doc(envelope))
        self._after()

    def _dispatch(self, frame: Frame) -> None:
        if frame.sender == self.name:
            raise Refused("session.sender", "a message labelled with this node's own name")
        if frame.sender != COORDINATOR:
            return self._from_peer(frame)
        if frame.kind not in self._handlers:
            raise InvalidInput("frame.unknown_kind", "the coordinator sends no such frame")
        return self._handlers[frame.kind](frame)

    def _from_peer(self, frame: Frame) -> None:
        nodes = self._here.replica.nodes
        if frame.sender not in nodes and (nodes or frame.kind != "challenge"):  # an empty log knows nobody, and answers
            raise Refused("session.sender", "no node of that name is enrolled")
        match frame.kind:
            case "peer":
                self._here.sessions.on_peer(frame, self._clock())
            case "challenge":
                self.outbox.append(self._here.rejoin.on_challenge(frame))
            case "answer":
                self._here.rejoin.on_answer(frame)
            case _:
                raise InvalidInput("frame.unknown_kind", "a node sends no such frame to another")

    def _on_append(self, frame: Frame) -> None:
        self._accepted = None
        self._witness.on_append(frame)

    def _on_digest_ask(self, _: Frame) -> None:
        state = self._here.replica.accepted
        self._here.send("digest", {"size": state.size, "digest": state_digest(state)})

    def _on_stop(self, frame: Frame) -> None:
        self._hold(Envelope.from_doc(fields(frame.head, "stop", {"envelope": dict}, {"ref": str})["envelope"]))

    def _hold(self, envelope: Envelope) -> None:
        here, before = self._here, self._here.stops.version
        name = here.stops.latch(here.replica.accepted, envelope, self._clock())
        if here.stops.version != before:
            self._say(f"holds the stop {name[:16]}")
        signature = here.key.sign(receipt(here.replica.workspace, self.name, name)).hex()
        here.send("latched", {"statement": name, "signature": signature})
        here.tell_relays("latched", {"statement": name, "signature": signature})

    def _on_entries_ask(self, frame: Frame) -> None:
        asked = fields(frame.head, "entries.ask", {"from": int, "limit": int})
        start = max(0, asked["from"])
        raws, room = [], _ENTRIES_BYTES
        for raw in self._here.disk.entries(start, start + max(0, min(asked["limit"], ENTRIES))):
            room -= len(raw) + 4
            if room < 0:
                break
            raws.append(raw)
        self._here.send("entries", {"from": start, "count": len(raws)}, join_entries(raws))

    def _after(self, *, idle: bool = False) -> None:
        """What follows from what changed: answers, questions, requests; then everything becomes durable."""
        now, state = self._clock(), self._here.replica.accepted
        speaks, spoke = self._here.speaks(), self._speaks
        if speaks and self._accepted != state.root:
            self._accepted = state.root
            self._witness.accept()
        if speaks != spoke or (self._accepted is None and state.size):
            self._speaks, self._accepted = speaks, state.root if speaks else b""
            self._report()  # so that the coordinator knows that an append is stored, though not spoken for
        if speaks:
            self._request_start(now)
        elif not self._here.replica.restored:
            self.outbox.extend(self._here.rejoin.ask(now))
        if len(self._here.stops):
            self._pass_stops(state, now)
        if len(self._here.probes):
            self._request_bars(now)
        if self._generation is not None:
            self._generation.settle()
        self._here.disk.commit(idle=idle)

    def _pass_stops(self, state: CustodyState, now: int) -> None:
        """What is held goes to every relay until a quorum has cosigned it, and to the log until it is there."""
        for name, kind, body, envelope in self._here.stops.unlogged(state):
            if self._due(name, now):
                self._here.send("submit", {"kind": kind, "body": body, "evidence": [envelope.to_doc()]})
        for name, envelope in self._here.stops.held().items():
            if self._due(name, now, self._passed):
                self._here.tell_relays("stop", {"envelope": envelope.to_doc()})

    def _request_start(self, now: int) -> None:
        cosigned, newest = self._here.replica.cosigned, self._here.replica.accepted.boots.get(self.name)
        waiting = newest is None or (newest.boot != self._here.peers.boot and newest.index < cosigned.size)
        if self._holds_shares and cosigned.size and waiting and self._due("start", now):
            body = {"node": self.name, "boot": self._here.peers.boot, "exchange": self._here.peers.exchange}
            self._state("signer.started", "signer.start", body, Seen(cosigned.size, cosigned.root.hex()), now)

    def _request_bars(self, now: int) -> None:
        state = self._here.replica.accepted
        for ban in self._here.probes.bans():
            key, pair = state.keys.get(ban["key"]), frozenset((self.name, ban["peer"]))
            if key is None or not pair <= set(key.participants) or Bar(key.name, key.epoch, pair) in state.bars:
                continue
            if self._due(f"{key.name} {ban['peer']}", now):
                body = {**ban, "epoch": key.epoch, "accuser": self.name}
                self._state("signer.barred", "signer.bar", body, None, now)

    def _due(self, what: str, now: int, told: dict[str, int] | None = None) -> bool:
        told = self._requested if told is None else told
        due = not 0 <= now - told.get(what, -EVERY) < EVERY
        if due:
            told[what] = now
        return due

    def _state(self, kind: str, statement: str, body: dict[str, Any], seen: Seen | None, now: int) -> None:
        """Ask the log to take an entry of this node's own statement about exactly its body."""
        made = self._here.statement(statement, body, seen, now + START_VALID if seen else None)
        self._here.send("submit", {"kind": kind, "body": body, "evidence": [made]})

    def _report(self) -> None:
        """Where this node stands."""
        self._reported = self._clock()
        here, replica = self._here, self._here.replica
        head = {"size": replica.accepted.size, "root": replica.accepted.root.hex(), "cosigned": replica.own.rank[1]}
        head |= {"repair": replica.accepted.repair, "stated": replica.stated}
        head |= {"note": replica.cosigned.note, "boot": here.peers.boot if here.peers.started else ""}
        head |= {"rejoined": here.speaks(), "clock": self._reported}
        head |= {"stops": len(list(here.stops.unlogged(replica.accepted)))}
        here.send("head", {**head, "budget": here.probes.budget(replica.accepted.keys), "bans": len(here.probes)})

    def _refuse(self, what: str, ref: str, error: StrongroomError) -> None:
        self._say(f"refuses {what} {ref[:16]}: {error.code}")
        head = {"what": what, "ref": ref, "index": getattr(error, "index", -1), "code": error.code}
        head |= {"message": error.message[:500], "culprits": getattr(error, "culprits", [])}
        self._here.send("refused", head)


def _no_shares(_: Frame) -> None:
    raise Refused("share.missing", "a guardian holds no shares")
