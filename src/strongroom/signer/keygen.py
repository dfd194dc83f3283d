"""Key generation: on the administrators' order only, the share durable before the transcript leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from strongroom.custody.authority import distinct, granting, in_force, require_quorum, require_subject
from strongroom.custody.keys import check_order
from strongroom.documents.canonical import fields
from strongroom.documents.envelope import Envelope, decode_base64, encode_base64
from strongroom.errors import Refused
from strongroom.keys.threshold import Keygen, Scheme, Signature, Vault
from strongroom.signer.disk import Disk
from strongroom.signer.probes import Root
from strongroom.signer.station import Station
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

    def newest(self, name: str) -> Share:
        """The share of the last run for a key's name; raises Refused share.missing."""
        return self.of(next((t for t, share in reversed(self._held.items()) if share.order["name"] == name), ""))

    def keep(self, order: dict[str, Any], done: Keygen) -> None:
        """Store a new share, durably at the next commit."""
        doc = {"order": order, "public_key": done.public_key.hex(), "sealed": encode_base64(done.sealed)}
        self._disk.put("share", done.transcript.hex(), doc)
        self._held[done.transcript.hex()] = _share(done.transcript.hex(), doc)

    def require_room(self, name: str) -> None:
        """Raises Refused key.attempts: every run leaves a share behind."""
        if sum(share.order["name"] == name for share in self._held.values()) >= MOST_ATTEMPTS:
            raise Refused("key.attempts", f"{MOST_ATTEMPTS} generations of key '{name}' came to nothing")


def _share(transcript: str, doc: dict[str, Any]) -> Share:
    return Share(doc["order"], bytes.fromhex(doc["public_key"]), transcript, decode_base64(doc["sealed"]))


class Generation:
    """Runs key generations; one at a time for a name, none for a name that the log knows."""

    def __init__(self, station: Station, shares: Shares, vault: Vault) -> None:
        self._station, self._shares, self._vault = station, shares, vault

    def on_keygen(self, frame: Frame) -> None:
        """Verify the order on the own replica and start; raises Refused, InvalidInput."""
        head, station = fields(frame.head, "keygen", {"order": dict, "orders": list, "nonce": str}), self._station
        order, evidence = head["order"], tuple(map(Envelope.from_doc, head["orders"]))

        def permit() -> None:
            station.require_voice()
            self._verify(order, evidence)

        def finish(done: Keygen | Signature) -> None:
            if isinstance(done, Keygen):
                self._shares.keep(order, done)
                self._send_transcript(order, done)

        permit()
        indices = {name: index for index, name in enumerate(order["participants"], 1)}
        self._shares.require_room(order["name"])
        station.begin(
            "keygen", order["name"], Root(order["name"], order["epoch"], ""), {"order": order}, head["nonce"], indices,
            lambda session: self._vault.keygen(
                Scheme(order["scheme"]), session, indices[station.name], len(indices), order["threshold"], 0
            ),
            permit, finish,
        )  # fmt: skip

    def _verify(self, order: dict[str, Any], evidence: tuple[Envelope, ...]) -> None:
        """The administrators' threshold, on every state that counts."""
        if len(evidence) > 64:
            raise Refused("evidence.count", "too many statements")
        for state in self._station.states():
            check_order(state, order)
            time = max(self._station.clock(), state.time)
            signed = [granting(state, envelope, "key.generate", time) for envelope in evidence]
            for statement in signed:
                require_subject(statement, order)
            require_quorum(in_force(state).administrators, distinct(s.person for s in signed), "key generation")
        if order["scheme"] not in tuple(Scheme):
            raise Refused("key.scheme", f"this release generates no {order['scheme']} keys")

    def _send_transcript(self, order: dict[str, Any], done: Keygen) -> None:
        chain_code = done.chain_code.hex() if done.chain_code else None
        outcome = {"public_key": done.public_key.hex(), "chain_code": chain_code, "transcript": done.transcript.hex()}
        subject = {"key": order["name"], "epoch": order["epoch"], **outcome}
        envelope = self._station.statement("key.transcript", subject)
        self._station.send("transcript", {"name": order["name"], "envelope": envelope, **outcome})
