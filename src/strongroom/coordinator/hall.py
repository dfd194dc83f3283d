"""Where nodes' frames arrive: each is checked and handed to the part of the coordinator that it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from strongroom.coordinator.adoption import Adoption
from strongroom.coordinator.ceremony import Ceremony
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.orders import Orders
from strongroom.coordinator.peers import Peer
from strongroom.coordinator.repair import Repair
from strongroom.coordinator.rounds import No
from strongroom.custody.stops import STOPS
from strongroom.documents.canonical import fields
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_hash
from strongroom.errors import InvalidInput, Refused, StrongroomError
from strongroom.log.accept import Accept
from strongroom.wire.frame import Frame

NODE_ENTRIES: Final = ("signer.started", "signer.barred", *STOPS)
"""What a node may ask to have logged; the fold checks the statements inside as it does everyone's."""

KNOWN: Final = ("statement.already_counted", "session.boot_superseded")
"""Refusals of what another node has brought before."""

MOST_TEXT: Final = 500
Handler = Callable[[Peer, Frame], None]


class Hall:
    """Frames in; a malformed one is dropped with a line for the operator, and hurts nobody else."""

    def __init__(
        self,
        desk: Desk,
        adoption: Adoption,
        ceremony: Ceremony,
        repair: Repair,
        orders: Orders,
        peers_changed: Callable[[], None],
    ) -> None:
        self._desk, self._adoption, self._ceremony, self._peers_changed = desk, adoption, ceremony, peers_changed
        self._repair, self._orders = repair, orders
        self._digests: dict[str, asyncio.Future[tuple[int, str]]] = {}
        self._handlers: dict[str, Handler] = {
            "head": self._head,
            "accept": self._accept,
            "cosignature": self._cosignature,
            "refused": self._refused,
            "entries": self._entries,
            "submit": self._submit,
            "transcript": self._transcript,
            "signed": self._signed,
            "digest": self._digest,
            "repair.state": lambda peer, frame: orders.take_statement(peer.name, frame.head),
            "change.state": lambda peer, frame: orders.take_statement(peer.name, frame.head),
            "latched": lambda peer, frame: None,
        }

    def joined(self, node: str) -> None:
        """A node's connection is open and authenticated."""
        desk = self._desk
        desk.peers.enrol(desk.state.policy)
        peer = desk.peers[node]
        peer.connected, peer.reported, peer.offered, peer.told = True, False, (0, 0, 0), ""
        desk.sessions.failed.pop(node, None)
        desk.sequencer.ask_head(peer)
        desk.say(f"{node} has connected")
        self._peers_changed()

    def left(self, node: str) -> None:
        """A node's connection has ended."""
        peer = self._desk.peers[node]
        peer.connected = peer.reported = peer.rejoined = False
        self._desk.sessions.lost(node)
        self._ceremony.lost(node)
        self._desk.say(f"{node} has gone")
        self._peers_changed()

    def take(self, node: str, frame: Frame) -> None:
        """One frame to the coordinator from an authenticated node."""
        handler = self._handlers.get(frame.kind)
        try:
            if handler is None:
                raise InvalidInput("frame.unknown_kind", f"no such frame: {frame.kind}")
            handler(self._desk.peers[node], frame)
        except StrongroomError as error:
            self._desk.say(f"{node}: {frame.kind}: {error.code}: {error.message[:MOST_TEXT]}")

    def _head(self, peer: Peer, frame: Frame) -> None:
        before = (peer.boot, peer.rejoined)
        peer.hear(frame.head, self._desk.clock())
        if before != (peer.boot, peer.rejoined):
            self._peers_changed()
        self._adoption.take_head(peer)

    def _accept(self, peer: Peer, frame: Frame) -> None:
        self._desk.sequencer.take_accept(peer, Accept.from_doc(frame.head))

    def _cosignature(self, peer: Peer, frame: Frame) -> None:
        head = fields(frame.head, "cosignature", {"size": int, "line": str})
        self._desk.sequencer.take_cosignature(peer, head["size"], head["line"])

    def _entries(self, peer: Peer, frame: Frame) -> None:
        head = fields(frame.head, "entries", {"from": int, "count": int})
        if not self._repair.take_entries(peer.name, head["from"], frame.body):
            self._adoption.take_entries(peer, head["from"], frame.body)

    def _refused(self, peer: Peer, frame: Frame) -> None:
        shape = {"what": str, "ref": str, "index": int, "code": str, "message": str, "culprits": list}
        head = fields(frame.head, "refused", shape)
        code, message = head["code"][:64], head["message"][:MOST_TEXT]
        match head["what"]:
            case "repair.ask" | "change.ask":
                self._orders.take_refusal(peer.name, head["what"], Refused(code, message))
            case "append" | "cosign":
                self._desk.sequencer.take_refusal(peer, No(head["what"], code, message, head["index"]))
            case "sign" | "possession":
                self._desk.sessions.take_refusal(peer.name, head["ref"], Refused(code, f"{peer.name}: {message}"))
                if head["ref"] in self._desk.state.transfers:
                    self._desk.timeline.refusal(head["ref"], peer.name, head["what"], code, message)
            case "keygen" | "refresh":
                self._ceremony.take_refusal(peer.name, head["ref"], Refused(code, message))
            case _:
                self._desk.say(f"{peer.name} refuses {head['what'][:32]}: {code}: {message}")

    def _submit(self, peer: Peer, frame: Frame) -> None:
        head = fields(frame.head, "submit", {"kind": str, "body": dict, "evidence": list})
        if head["kind"] not in NODE_ENTRIES:
            raise InvalidInput("entry.not_a_nodes", f"a node does not ask for {head['kind'][:64]}")
        if not 0 < len(head["evidence"]) <= 64:
            raise InvalidInput("evidence.count", "an entry has 1 to 64 statements")
        evidence = [Envelope.from_doc(doc) for doc in head["evidence"]]
        state = self._desk.state
        if head["kind"] == "signer.started" and head["body"].get("boot") in state.boot_ids:
            return  # it asks until it sees it
        try:
            self._desk.sequencer.submit(head["kind"], head["body"], evidence)
        except StrongroomError as error:
            if error.code not in KNOWN:
                raise

    def _transcript(self, peer: Peer, frame: Frame) -> None:
        self._ceremony.take_transcript(peer.name, frame.head)

    def _signed(self, peer: Peer, frame: Frame) -> None:
        head = fields(frame.head, "signed", {"ref": str, "digest": str, "signature": str})
        try:
            signature = bytes.fromhex(head["signature"])
        except ValueError:
            signature = b""
        self._desk.sessions.take_signed(peer.name, head["ref"], parse_hash(head["digest"]), signature)

    def _digest(self, peer: Peer, frame: Frame) -> None:
        head = fields(frame.head, "digest", {"size": int, "digest": str})
        waiter = self._digests.pop(peer.name, None)
        if waiter is not None and not waiter.done():
            waiter.set_result((head["size"], parse_hash(head["digest"])))

    async def digests(self, timeout: float) -> dict[str, tuple[int, str]]:
        """Ask every connected node for its accepted size and state digest; those that answer in time."""
        loop, asked = asyncio.get_running_loop(), {}
        for peer in self._desk.peers.connected():
            asked[peer.name] = self._digests[peer.name] = loop.create_future()
            self._desk.transport.send(peer.name, Frame("digest.ask", "coordinator", peer.name, {}))
        if asked:
            await asyncio.wait(asked.values(), timeout=timeout)
        return {node: waiter.result() for node, waiter in asked.items() if waiter.done() and not waiter.cancelled()}
