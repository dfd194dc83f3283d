"""Four nodes, a virtual clock and a network in one process; the test plays the coordinator."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from strongroom.custody.state import CustodyState
from strongroom.documents.envelope import Envelope
from strongroom.keys.threshold import BLAME, CoreRefused, Keygen, Message, Outgoing, Scheme, Signature, Step, Vault
from strongroom.log.accept import Accept
from strongroom.log.checkpoint import Checkpoint, Note, cosign, origin_of, parse_signature_line
from strongroom.log.entry import Entry, new_entry, parse_entry
from strongroom.policy.model import Duty
from strongroom.signer.disk import Disk
from strongroom.signer.node import Node, Settings
from strongroom.wire.frame import Frame, decode_frame, encode_frame, join_entries
from tests.workspace import CHAIN, NODES, START, Workspace

SIGNERS = NODES[:3]


@dataclass
class DoubleSession:
    """Three rounds in which every party sends what its part is; the whole secret stands in for the core's work."""

    index: int
    peers: tuple[int, ...]
    binding: bytes
    result: Callable[[], Keygen | Signature]
    hooks: dict[str, Any]
    round: int = 0

    @property
    def next_step_is_probe(self) -> bool:
        return self.round in (1, 2)

    def step(self, inbox: Sequence[Message]) -> Step:
        if hook := self.hooks.get("step"):
            hook(self)
        if self.round:
            wanted = [(peer, hashlib.sha256(self.binding + bytes([self.round, peer])).digest()) for peer in self.peers]
            if sorted((m.sender, m.data) for m in inbox) != sorted(wanted):
                raise CoreRefused("session.broadcast_differs", "not what this round brings", ())
        if self.round == self.hooks.get("blame_at"):
            raise CoreRefused(BLAME, "the consistency check failed", (self.hooks["blame"],))
        self.round += 1
        if self.round == 4:
            return Step((), self.result())
        data = hashlib.sha256(self.binding + bytes([self.round, self.index])).digest()
        if self.round == 3:
            return Step((Outgoing(None, data),), None)
        return Step(tuple(Outgoing(peer, data) for peer in self.peers), None)


@dataclass
class Double:
    """A session factory that holds the test workspace's whole key."""

    workspace: Workspace
    hooks: dict[str, Any] = field(default_factory=dict)

    def keygen(self, scheme: Scheme, session_id: bytes, index: int, n: int, t: int, epoch: int = 0) -> DoubleSession:
        public = self.workspace.account.public_key.format()
        transcript = hashlib.sha256(session_id).digest()
        done = Keygen(public, (public,) * n, b"\x11" * 32, transcript, b"sealed %d" % index)
        peers = tuple(peer for peer in range(1, n + 1) if peer != index)
        return DoubleSession(index, peers, session_id, lambda: done, self.hooks)

    def refresh(self, sealed: bytes, session_id: bytes, epoch: int) -> DoubleSession:
        return self.keygen(Scheme.ECDSA_DKLS23, session_id, int(sealed.split()[1]), 3, 2, epoch)

    def forget(self) -> None:
        pass

    def sign(
        self, sealed: bytes, session_id: bytes, participants: Sequence[int], digest: bytes, path: Sequence[int] = (),
        epoch: int = 0,
    ) -> DoubleSession:  # fmt: skip
        index = int(sealed.split()[1])
        peers = tuple(peer for peer in participants if peer != index)
        return DoubleSession(
            index, peers, session_id + digest, lambda: Signature(self.workspace.sign(digest), 0), self.hooks
        )


class Fleet:
    """The workspace's nodes on in-memory disks. What they send reaches peers at once and lands in `inbox`."""

    def __init__(self, workspace: Workspace | None = None, *, factory: Callable[[str], Vault] | None = None):
        self.now = START
        self.home = workspace or Workspace().create()
        self.id = self.home.state.workspace
        self.disks: dict[str, sqlite3.Connection] = {}
        self.nodes: dict[str, Node] = {}
        self.hooks: dict[str, dict[str, Any]] = {name: {} for name in NODES}
        self.factory = factory or (lambda name: Double(self.home, self.hooks[name]))
        self.inbox: list[Frame] = []
        self.skew = dict.fromkeys(NODES, 0)
        self.drop: Callable[[Frame], bool] = lambda frame: False
        self.note = ""
        self.runs = 0
        for name in NODES:
            self.disks[name] = self.connect(name)
            self.start(name)

    # -- the machinery

    def connect(self, name: str) -> sqlite3.Connection:
        """The disk of a node."""
        return sqlite3.connect(":memory:")

    def start(self, name: str) -> Node:
        """(Re)start a node from what its disk holds."""
        self.disks[name].rollback()
        duty = Duty.GUARDIAN if name.startswith("guardian") else Duty.SIGNER
        node = Node(
            Settings(name, duty, self.id), self.home.keys[name], Disk(self.disks[name]),
            self.factory(name) if duty is Duty.SIGNER else None, lambda: self.now + self.skew[name],
            random.Random(f"{name} {self.now}").randbytes,
        )  # fmt: skip
        self.nodes[name] = node
        node.connected()
        return node

    def restore(self, name: str, snapshot: bytes) -> Node:
        """Put an older disk under a node and start it."""
        self.disks[name] = sqlite3.connect(":memory:")
        self.disks[name].deserialize(snapshot)
        return self.start(name)

    def carry(self) -> None:
        """Deliver everything until nobody has anything to say."""
        while any(node.outbox for node in self.nodes.values()):
            for name, node in self.nodes.items():
                frames, node.outbox[:] = list(node.outbox), []
                for frame in frames:
                    data = encode_frame(frame)
                    head = int.from_bytes(data[:4], "big")
                    assert decode_frame(data[8 : 8 + head], data[8 + head :]) == frame
                    assert frame.sender == name
                    if self.drop(frame):
                        continue
                    if frame.to == "coordinator":
                        self.inbox.append(frame)
                    else:
                        self.nodes[frame.to].receive(frame)

    def tell(self, names: str | Iterable[str], kind: str, body: bytes = b"", **head: Any) -> list[Frame]:
        """Send a frame to nodes as the coordinator; returns what reached the coordinator because of it."""
        self.inbox.clear()
        fields = {name.rstrip("_"): value for name, value in head.items()}
        for name in [names] if isinstance(names, str) else names:
            self.nodes[name].receive(Frame(kind, "coordinator", name, fields, body))
        self.carry()
        return list(self.inbox)

    def tick(self, ms: int = 0) -> list[Frame]:
        """Let time pass for everybody."""
        self.inbox.clear()
        self.now += ms
        for node in self.nodes.values():
            node.tick()
        self.carry()
        return list(self.inbox)

    # -- the coordinator's part

    def append(
        self, names: str | Iterable[str] = NODES, *, since: int = 0, entries: Sequence[Entry] | None = None,
        note: str = "", accepts: Sequence[Accept] = (),
    ) -> list[Frame]:  # fmt: skip
        """Append the workspace's entries from number `since` on."""
        chosen = self.home.entries[since:] if entries is None else entries
        body = join_entries([entry.raw for entry in chosen])
        docs = [accept.to_doc() for accept in accepts]
        return self.tell(names, "append", body, from_=since, note=note, accepts=docs)

    def cosign(self, accepts: Sequence[Accept], names: Iterable[str] = NODES) -> list[Frame]:
        """Ask for cosignatures of the head that the accepts are of."""
        head, docs = accepts[0], [accept.to_doc() for accept in accepts]
        return self.tell(names, "cosign", size=head.size, root=head.root.hex(), accepts=docs)

    def sequence(self, names: Sequence[str] = NODES, *, since: int = 0) -> str:
        """One whole round: append, accepts, cosignatures, checkpoint; returns the note."""
        accepts = accepts_in(self.append(names, since=since))
        frames = self.cosign(accepts, names)
        self.note = note_of(self.id, accepts[0], cosignatures_in(frames))
        self.tell(names, "checkpoint", note=self.note)
        return self.note

    def ready(self) -> Fleet:
        """Everybody rejoined, started, with shares of `hot-ecdsa` and the wallet `hot-eth` open."""
        self.append()
        self.tick(1000)
        self.sequence()
        self.log_starts(self.tick(5000))
        self.generate()
        self.add(self.home.open)
        return self

    def log_starts(self, frames: Iterable[Frame]) -> None:
        """Sequence the starts that nodes asked for."""
        self.home.time = self.now
        size = len(self.home.entries)
        for frame in frames:
            if frame.kind == "submit" and frame.head["kind"] == "signer.started":
                self.log(frame)
        self.sequence(since=size)

    def log(self, frame: Frame) -> Entry:
        """Add the entry that a node asks for to the workspace's log."""
        entry = new_entry(frame.head["kind"], self.home.time, frame.head["body"])
        evidence = [Envelope.from_doc(doc) for doc in frame.head["evidence"]]
        return self.home.add(entry.kind, entry.body, evidence)

    def add(self, make: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Let the workspace make entries, then sequence them."""
        self.home.time, size = self.now, len(self.home.entries)
        made = make(*args, **kwargs)
        self.sequence(since=size)
        return made

    def order(self, name: str = "hot-ecdsa", scheme: str = "ecdsa-dkls23") -> dict[str, Any]:
        """A key order for the three signers."""
        return {
            "name": name, "scheme": scheme, "tier": "hot", "participants": list(SIGNERS), "threshold": 2, "epoch": 0,
        }  # fmt: skip

    def generate(self, name: str = "hot-ecdsa", scheme: str = "ecdsa-dkls23") -> None:
        """Order, generate, prove possession and log a key."""
        self.home.time = self.now
        order = self.order(name, scheme)
        orders = [self.home.statement(person, "key.generate", order) for person in ("alice", "bob")]
        docs = [envelope.to_doc() for envelope in orders]
        frames = self.tell(SIGNERS, "keygen", order=order, orders=docs, nonce="aa" * 32)
        found = [frame for frame in frames if frame.kind == "transcript"]
        assert len(found) == 3, frames
        signed = self.tell(SIGNERS[:2], "possession", name=name, participants=list(SIGNERS[:2]), nonce="bb" * 32)
        proof = next(frame.head["signature"] for frame in signed if frame.kind == "signed")
        outcome = {field: found[0].head[field] for field in ("public_key", "chain_code", "transcript")}
        evidence = [*orders, *(Envelope.from_doc(frame.head["envelope"]) for frame in found)]
        self.add(self.home.add, "key.generated", {"order": order, **outcome, "possession": proof}, evidence)

    def refresh_shares(self, names: Iterable[str] = SIGNERS, *, name: str = "hot-ecdsa") -> list[Frame]:
        """Ask for the next epoch of a key."""
        self.runs += 1
        epoch, nonce = self.home.state.keys[name].epoch + 1, f"{self.runs:064x}"
        return self.tell(names, "refresh", key=name, epoch=epoch, nonce=nonce)

    def refreshed(self, frames: Iterable[Frame], name: str = "hot-ecdsa") -> None:
        """Prove possession of the shares whose transcripts are among the frames, and enter them in the own log."""
        found = {frame.sender: frame.head for frame in frames if frame.kind == "transcript"}
        assert set(found) == set(SIGNERS), found.keys()
        self.runs += 1
        asked = {"name": name, "participants": list(SIGNERS[:2]), "nonce": f"{self.runs:064x}"}
        signed = self.tell(SIGNERS[:2], "possession", **asked)
        proof = next(frame.head["signature"] for frame in signed if frame.kind == "signed")
        outcome = {field: found[SIGNERS[0]][field] for field in ("public_key", "chain_code", "transcript")}
        epoch = self.home.state.keys[name].epoch + 1
        evidence = [Envelope.from_doc(head["envelope"]) for head in found.values()]
        self.home.time = self.now
        self.home.add("key.refreshed", {"key": name, "epoch": epoch, **outcome, "possession": proof}, evidence)

    def renew(self) -> None:
        """Refresh `hot-ecdsa` and sequence that."""
        size = len(self.home.entries)
        self.refreshed(self.refresh_shares())
        self.sequence(since=size)

    def transfer(self) -> tuple[str, str]:
        """Propose and authorize a transfer, sequence both; its id and the digest of its payload."""
        name = self.add(self.home.propose)
        self.add(self.home.authorize, name)
        return name, self.home.state.transfers[name].payloads[0].digest

    def sign(
        self, transfer: str, digest: str, names: Sequence[str] = SIGNERS[:2], *, nonce: str = "cc" * 32,
        note: str | None = None, to: Iterable[str] | None = None,
    ) -> list[Frame]:  # fmt: skip
        """Ask signers for a signature."""
        head = {"transfer": transfer, "digest": digest, "participants": list(names), "nonce": nonce}
        return self.tell(names if to is None else to, "sign", **head, note=self.note if note is None else note)

    def refresh(self) -> None:
        """Cosign the same head again with the time of now."""
        accepts = accepts_in(self.append(since=len(self.home.entries) - 1))
        frames = self.cosign(accepts)
        self.note = note_of(self.id, accepts[0], cosignatures_in(frames))
        self.tell(NODES, "checkpoint", note=self.note)

    def digest(self, name: str) -> tuple[int, str]:
        """A node's size and state digest."""
        answer = next(frame for frame in self.tell(name, "digest.ask") if frame.kind == "digest")
        return answer.head["size"], answer.head["digest"]


def listed(home: Workspace, byte: str) -> Entry:
    """Some entry or other: an address listed; `byte` is two hex digits."""
    body = {"account": f"{CHAIN}:0x{byte * 20}", "group": "vendors", "label": f"vendor {byte}"}
    return home.granted("address.listed", "address.list", body, ["alice"])


def codes(frames: Iterable[Frame]) -> list[str]:
    """The codes of the refusals among frames."""
    return [frame.head["code"] for frame in frames if frame.kind == "refused"]


def accepts_in(frames: Iterable[Frame]) -> list[Accept]:
    """The accepts among frames."""
    return [Accept.from_doc(frame.head) for frame in frames if frame.kind == "accept"]


def cosignatures_in(frames: Iterable[Frame]) -> list[str]:
    """The cosignature lines among frames."""
    return [frame.head["line"] for frame in frames if frame.kind == "cosignature"]


def note_of(workspace: str, head: Accept, lines: Iterable[str]) -> str:
    """A note of cosignature lines."""
    signatures = tuple(parse_signature_line(line.rstrip("\n")) for line in lines)
    return Note(Checkpoint(origin_of(workspace), head.size, head.root), signatures).text()


def forged_note(home: Workspace, state: CustodyState, names: Iterable[str], now: int) -> str:
    """A note of any head, cosigned by any keys: what f bad witnesses and more could make."""
    checkpoint = Checkpoint(origin_of(home.state.workspace), state.size, state.root)
    return Note(checkpoint, tuple(cosign(checkpoint, home.keys[name], name, now // 1000) for name in names)).text()


def reread(entry: Entry) -> Entry:
    """The entry as another replica reads it."""
    return parse_entry(entry.raw)
