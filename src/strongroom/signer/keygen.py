"""Key generation, on the administrators' order only, and refresh: the share durable before the transcript leaves.

A refreshed share counts once the log says so; until then the old one stays, and afterwards it is erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from strongroom.custody.authority import agreeing, in_force, require_quorum
from strongroom.custody.keys import check_order, refreshable
from strongroom.custody.state import CustodyState
from strongroom.documents.base64 import decode_base64, encode_base64
from strongroom.documents.canonical import fields
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Seen
from strongroom.errors import Refused
from strongroom.keys.threshold import Keygen, Scheme, Signature, Vault
from strongroom.signer.disk import Disk
from strongroom.signer.probes import Root
from strongroom.signer.station import Station
from strongroom.wire.frame import Frame

MOST_ATTEMPTS: Final = 8  # shares at once for one name: of finished runs that did not become its key, and its own
REFRESH_VALID: Final = 300_000  # ms that the log may still take a refresh after it has finished


@dataclass(frozen=True, slots=True)
class Share:
    """A sealed share and the public facts of its key; `order` is what the administrators had signed, or its next epoch.

    `until`: log time (unix ms) after which no refresh with this share enters the log.
    """

    order: dict[str, Any]
    public_key: bytes
    transcript: str
    sealed: bytes
    until: int

    @property
    def root(self) -> Root:
        """What its probes count for."""
        return Root(self.order["name"], self.order["epoch"], self.transcript)


class Shares:
    """This node's shares, told apart by transcript: which run became the key is for the log to say."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._held = {name: _share(name, doc) for name, doc in disk.all("share").items()}
        self._settled: CustodyState | None = None

    def of(self, transcript: str) -> Share:
        """The share of the key with this transcript; raises Refused share.missing."""
        if transcript not in self._held:
            raise Refused("share.missing", "this node holds no share of that key")
        return self._held[transcript]

    def newest(self, name: str) -> Share:
        """The share of the last run for a key's name; raises Refused share.missing."""
        return self.of(next((t for t, share in reversed(self._held.items()) if share.order["name"] == name), ""))

    def keep(self, order: dict[str, Any], done: Keygen, until: int) -> None:
        """Store a new share, durably at the next commit."""
        public_key, sealed = done.public_key.hex(), encode_base64(done.sealed)
        doc = {"order": order, "public_key": public_key, "sealed": sealed, "until": until}
        self._disk.put("share", done.transcript.hex(), doc)
        self._held[done.transcript.hex()] = _share(done.transcript.hex(), doc)

    def settle(self, cosigned: CustodyState) -> list[str]:
        """Erase the shares that no entry after the quorum-cosigned state can make a key's; gives their transcripts."""
        ended: list[str] = []
        if cosigned is not self._settled:
            self._settled = cosigned
            ended = [name for name, share in self._held.items() if self._has_ended(share, cosigned)]
        for name in ended:
            del self._held[name]
            self._disk.erase("share", name)
        return ended

    def _has_ended(self, share: Share, state: CustodyState) -> bool:
        key = state.keys.get(share.order["name"])
        if key is None or share.transcript == key.transcript or key.transcript not in self._held:
            return False
        return bool(share.order["epoch"] <= key.epoch or share.until < state.time)

    def require_room(self, name: str) -> None:
        """Raises Refused key.attempts: every run leaves a share behind."""
        if sum(share.order["name"] == name for share in self._held.values()) >= MOST_ATTEMPTS:
            raise Refused("key.attempts", f"{MOST_ATTEMPTS} generations of key '{name}' came to nothing")


def _share(transcript: str, doc: dict[str, Any]) -> Share:
    sealed = decode_base64(doc["sealed"])
    return Share(doc["order"], bytes.fromhex(doc["public_key"]), transcript, sealed, doc.get("until", 0))


class Generation:
    """Runs key generations, for names that the log does not know, and refreshes, for keys that it does."""

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
                self._shares.keep(order, done, 0)
                self._send_transcript(order, done, None, None)

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

    def on_refresh(self, frame: Frame) -> None:
        """Start a refresh, for which the own replica is all the permission; raises Refused, InvalidInput."""
        head, station = fields(frame.head, "refresh", {"key": str, "epoch": int, "nonce": str}), self._station
        name, epoch = head["key"], head["epoch"]

        def permit() -> None:
            station.require_voice()
            for state in station.states():
                for participant in refreshable(state, name, epoch).participants:
                    station.probes.require_unbanned(name, participant)

        permit()
        share = self._shares.of(station.replica.state.keys[name].transcript)
        order = {**share.order, "epoch": epoch}

        def finish(done: Keygen | Signature) -> None:
            if isinstance(done, Keygen):
                until, cosigned = station.clock() + REFRESH_VALID, station.replica.cosigned
                self._shares.keep(order, done, until)
                self._send_transcript(order, done, Seen(cosigned.size, cosigned.root.hex()), until)

        self._shares.require_room(name)
        station.begin(
            "refresh", name, Root(name, epoch, ""), {"order": order, "refresh": share.transcript}, head["nonce"],
            {holder: index for index, holder in enumerate(order["participants"], 1)},
            lambda session: self._vault.refresh(share.sealed, session, epoch), permit, finish,
        )  # fmt: skip

    def settle(self) -> None:
        """After the log has moved: what is erased from the disk is forgotten by the core and by the probes, too."""
        if ended := self._shares.settle(self._station.replica.state):
            self._vault.forget()
            self._station.probes.forget(ended)

    def _verify(self, order: dict[str, Any], evidence: tuple[Envelope, ...]) -> None:
        """The administrators' threshold, on every state that counts."""
        if len(evidence) > 64:
            raise Refused("evidence.count", "too many statements")
        for state in self._station.states():
            check_order(state, order)
            time = max(self._station.clock(), state.time)
            names = agreeing(state, evidence, "key.generate", order, time)
            require_quorum(in_force(state).administrators, names, "key generation")
        if order["scheme"] not in tuple(Scheme):
            raise Refused("key.scheme", f"this release generates no {order['scheme']} keys")

    def _send_transcript(self, order: dict[str, Any], done: Keygen, seen: Seen | None, until: int | None) -> None:
        chain_code = done.chain_code.hex() if done.chain_code else None
        outcome = {"public_key": done.public_key.hex(), "chain_code": chain_code, "transcript": done.transcript.hex()}
        subject = {"key": order["name"], "epoch": order["epoch"], **outcome}
        envelope = self._station.statement("key.transcript", subject, seen, until)
        self._station.send("transcript", {"name": order["name"], "envelope": envelope, **outcome})
