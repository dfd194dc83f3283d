"""Key generation: on the administrators' order only, the share durable before the transcript leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from strongroom.custody.authority import distinct, granting, in_force, require_quorum, require_subject
from strongroom.custody.keys import check_order
from strongroom.documents.canonical import digest, fields
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope, decode_base64, encode_base64
from strongroom.documents.names import parse_hash
from strongroom.documents.statement import Statement, sign_statement
from strongroom.errors import Refused
from strongroom.keys.threshold import Keygen, Scheme, Signature
from strongroom.signer.disk import Disk
from strongroom.signer.peers import Peers
from strongroom.signer.probes import Root
from strongroom.signer.rejoin import Rejoin
from strongroom.signer.replica import Replica
from strongroom.signer.sessions import TIMEOUT, Job, SessionFactory, Sessions
from strongroom.signer.stops import Stops
from strongroom.wire.frame import Frame

MOST_ATTEMPTS: Final = 8  # finished runs for one name that did not become its key


@dataclass(frozen=True, slots=True)
class Share:
    """A sealed share and the public facts of its key; `order` is what the administrators had signed."""

    order: dict[str, Any]
    public_key: bytes
    transcript: str
    sealed: bytes

    @property
    def root(self) -> Root:
        """What its probes count for."""
        return Root(self.order["name"], self.order["epoch"], self.transcript)


class Shares:
    """This node's shares, told apart by transcript: which run became the key is for the log to say."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._held = {name: _share(name, doc) for name, doc in disk.all("share").items()}

    def of(self, transcript: str) -> Share:
        """The share of the key with this transcript; raises Refused share.missing."""
        if transcript not in self._held:
            raise Refused("share.missing", "this node holds no share of that key")
        return self._held[transcript]

    def pending(self, name: str) -> list[Share]:
        """The shares of runs for a key's name, oldest first."""
        return [share for share in self._held.values() if share.order["name"] == name]

    def keep(self, order: dict[str, Any], done: Keygen) -> None:
        """Store a new share, durably at the next commit."""
        doc = {"order": order, "public_key": done.public_key.hex(), "sealed": encode_base64(done.sealed)}
        self._disk.put("share", done.transcript.hex(), doc)
        self._held[done.transcript.hex()] = _share(done.transcript.hex(), doc)


def _share(transcript: str, doc: dict[str, Any]) -> Share:
    return Share(doc["order"], bytes.fromhex(doc["public_key"]), transcript, decode_base64(doc["sealed"]))


class Generation:
    """Runs key generations; one at a time for a name, none for a name that the log knows."""

    def __init__(
        self, key: SigningKey, disk: Disk, clock: Callable[[], int], replica: Replica, rejoin: Rejoin, stops: Stops,
        peers: Peers, shares: Shares, sessions: Sessions, factory: SessionFactory, send: Callable[[Frame], None],
    ) -> None:  # fmt: skip
        self._key, self._clock, self._replica, self._rejoin, self._stops = key, clock, replica, rejoin, stops
        self._peers, self._shares, self._sessions, self._factory, self._send = peers, shares, sessions, factory, send

    def on_keygen(self, frame: Frame) -> None:
        """Verify the order on the own replica and start; raises Refused, InvalidInput."""
        head = fields(frame.head, "keygen", {"order": dict, "orders": list, "nonce": str})
        order, evidence = head["order"], tuple(map(Envelope.from_doc, head["orders"]))
        self._replica.require_own_disk()
        self._rejoin.require()
        self._verify(order, evidence)
        names = order["participants"]
        doc = {
            "workspace": self._replica.workspace,
            "order": order,
            "nonce": parse_hash(head["nonce"]),
            "participants": names,
            "boots": self._peers.boots(names),
        }
        session = digest(doc)
        if self._sessions.running(session):
            return
        if len(self._shares.pending(order["name"])) >= MOST_ATTEMPTS:
            raise Refused("key.attempts", f"{MOST_ATTEMPTS} generations of key '{order['name']}' came to nothing")
        index, n, t = names.index(self._peers.name) + 1, len(names), order["threshold"]
        core = self._factory.keygen(Scheme(order["scheme"]), bytes.fromhex(session), index, n, t, order["epoch"])

        def finish(done: Keygen | Signature) -> None:
            if isinstance(done, Keygen):
                self._shares.keep(order, done)
                self._send(self._transcript(order, done))

        self._sessions.start(
            Job(
                what="keygen",
                ref=order["name"],
                session=session,
                root=Root(order["name"], order["epoch"], session),
                core=core,
                indices={name: number for number, name in enumerate(names, 1) if number != index},
                channels=self._peers.channels(session, names),
                deadline=self._clock() + TIMEOUT["keygen"],
                permit=lambda: self._verify(order, evidence),
                finish=finish,
            )
        )

    def _verify(self, order: dict[str, Any], evidence: tuple[Envelope, ...]) -> None:
        """Administrators' threshold under the quorum-cosigned state and under the newest, with its stops."""
        now = self._clock()
        if len(evidence) > 64:
            raise Refused("evidence.count", "too many statements")
        for state in (self._replica.state, self._stops.over(self._replica.accepted, now)):
            check_order(state, order)
            signed = [granting(state, envelope, "key.generate", max(now, state.time)) for envelope in evidence]
            for statement in signed:
                require_subject(statement, order)
            require_quorum(in_force(state).administrators, distinct(s.person for s in signed), "key generation")
        if order["scheme"] not in tuple(Scheme):
            raise Refused("key.scheme", f"this release generates no {order['scheme']} keys")

    def _transcript(self, order: dict[str, Any], done: Keygen) -> Frame:
        outcome = {
            "public_key": done.public_key.hex(),
            "chain_code": done.chain_code.hex() if done.chain_code else None,
            "transcript": done.transcript.hex(),
        }
        subject = {"key": order["name"], "epoch": order["epoch"], **outcome}
        me, workspace = self._peers.name, self._replica.workspace
        statement = Statement(workspace, "key.transcript", subject, None, None, me, self._key.key_id, None)
        envelope = sign_statement(statement, self._key).to_doc()
        return Frame("transcript", me, "coordinator", {"name": order["name"], "envelope": envelope, **outcome})
