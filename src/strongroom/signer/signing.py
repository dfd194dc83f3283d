"""The decision to sign: what the own replica says, on every state that counts, at the moment of signing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from strongroom.chains.verify import verify_signature
from strongroom.custody.keys import possession_digest
from strongroom.custody.permission import may_sign
from strongroom.custody.state import TransferId
from strongroom.custody.stops import transfer_of
from strongroom.custody.wallets import public_key_of
from strongroom.documents.canonical import digest as document_digest
from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_hash
from strongroom.errors import Refused
from strongroom.keys.threshold import Keygen, Signature
from strongroom.signer.disk import Disk
from strongroom.signer.keygen import Share, Shares
from strongroom.signer.peers import Peers
from strongroom.signer.probes import Probes
from strongroom.signer.rejoin import Rejoin
from strongroom.signer.replica import Replica
from strongroom.signer.sessions import TIMEOUT, Job, SessionFactory, Sessions
from strongroom.signer.stops import Stops
from strongroom.signer.witness import Witness
from strongroom.wire.frame import Frame


class Signing:
    """Signs authorized payloads, and once the possession proof of a key that is not in use yet."""

    def __init__(
        self, disk: Disk, clock: Callable[[], int], replica: Replica, rejoin: Rejoin, stops: Stops, witness: Witness,
        peers: Peers, shares: Shares, probes: Probes, sessions: Sessions, factory: SessionFactory,
        send: Callable[[Frame], None],
    ) -> None:  # fmt: skip
        self._disk, self._clock, self._replica, self._rejoin, self._stops = disk, clock, replica, rejoin, stops
        self._witness, self._peers, self._shares, self._probes = witness, peers, shares, probes
        self._sessions, self._factory, self._send = sessions, factory, send

    def on_sign(self, frame: Frame) -> None:
        """Sign a payload that the log authorizes; the same request again yields the same signature."""
        shape = {"transfer": str, "digest": str, "participants": list, "nonce": str, "note": str}
        head = fields(frame.head, "sign", shape)
        transfer, digest = TransferId(parse_hash(head["transfer"])), parse_hash(head["digest"])
        if self._sent_again(transfer, digest):
            return
        if head["note"]:
            self._witness.see(head["note"])
        self._decide(transfer, digest)
        self._witness.require_fresh(self._replica.state.wallets[self._wallet(transfer)].tier)
        state = self._replica.state
        wallet = state.wallets[self._wallet(transfer)]
        key, authorized = state.keys[wallet.key], state.transfers[transfer].authorization
        share = self._shares.of(key.transcript)
        public_key = public_key_of(state, wallet)
        decided = (self._replica.accepted, self._stops.version)

        def permit() -> None:
            nonlocal decided
            if decided != (newest := (self._replica.accepted, self._stops.version)):
                self._decide(transfer, digest)
                decided = newest

        index = authorized.index if authorized else -1
        about = {"transfer": transfer, "authorization": index}
        self._start("sign", transfer, share, wallet.path, about, bytes.fromhex(digest), head, public_key, permit)

    def on_possession(self, frame: Frame) -> None:
        """Sign the possession proof of the newest share made for a key that the log does not hold yet."""
        head = fields(frame.head, "possession", {"name": str, "participants": list, "nonce": str})
        name, pending = head["name"], self._shares.pending(head["name"])
        if not pending:
            raise Refused("share.missing", "this node holds no share of that key")
        share = pending[-1]
        digest = possession_digest(self._replica.workspace, name, share.transcript)
        if self._sent_again(name, digest.hex()):
            return

        def permit() -> None:
            self._replica.require_own_disk()
            self._rejoin.require()
            if name in self._replica.accepted.keys:
                raise Refused("key.exists", f"key '{name}' is in the log: it signs what the log authorizes")

        permit()
        self._start("possession", name, share, (), {"possession": name}, digest, head, share.public_key, permit)

    def _sent_again(self, ref: str, digest: str) -> bool:
        found = self._disk.get("signature", f"{ref} {digest}")
        if found is not None:
            self._send(self._signed(ref, digest, found["signature"]))
        return found is not None

    def _signed(self, ref: str, digest: str, signature: str) -> Frame:
        head = {"ref": ref, "digest": digest, "signature": signature}
        return Frame("signed", self._peers.name, "coordinator", head)

    def _wallet(self, transfer: TransferId) -> str:
        return transfer_of(self._replica.state, transfer).intent.wallet

    def _decide(self, transfer: TransferId, digest: str) -> None:
        """Raise unless the payload may be signed: grants count from the cosigned state, stops from anything."""
        self._replica.require_own_disk()
        self._rejoin.require()
        now, cosigned, accepted = self._clock(), self._replica.state, self._replica.accepted
        may_sign(self._stops.over(cosigned, now), transfer, digest, now)
        if accepted is not cosigned:
            may_sign(self._stops.over(accepted, now), transfer, digest, now)

    def _start(
        self, what: str, ref: str, share: Share, path: tuple[int, ...], about: dict[str, Any], digest: bytes,
        head: dict[str, Any], public_key: bytes, permit: Callable[[], None],
    ) -> None:  # fmt: skip
        names, order = head["participants"], share.order
        indices = self._indices(names, order)
        self._require_pairs(share, names)
        doc = {
            "workspace": self._replica.workspace,
            "key": order["name"],
            "epoch": order["epoch"],
            "path": list(path),
            "authorization": about,
            "digest": digest.hex(),
            "participants": names,
            "boots": self._peers.boots(names),
            "nonce": parse_hash(head["nonce"]),
        }
        session = document_digest(doc)
        if self._sessions.running(session):
            return

        def finish(done: Keygen | Signature) -> None:
            if isinstance(done, Signature):
                verify_signature(order["scheme"], public_key, digest, done.data)
                found = {"signature": done.data.hex()}
                self._disk.put("signature", f"{ref} {digest.hex()}", found)
                self._send(self._signed(ref, digest.hex(), found["signature"]))

        core = self._factory.sign(
            share.sealed, bytes.fromhex(session), [indices[name] for name in names], digest, path, order["epoch"]
        )
        self._sessions.start(
            Job(
                what=what,
                ref=ref,
                session=session,
                root=share.root,
                core=core,
                indices={name: index for name, index in indices.items() if name != self._peers.name},
                channels=self._peers.channels(session, names),
                deadline=self._clock() + TIMEOUT[what],
                permit=permit,
                finish=finish,
            )
        )

    def _indices(self, names: Sequence[Any], order: dict[str, Any]) -> dict[str, int]:
        """The share index of each participant: exactly the threshold, in ascending order."""
        holders = order["participants"]
        indices = {name: holders.index(name) + 1 for name in names if name in holders}
        if len(names) != order["threshold"] or len(indices) != len(names) or names != sorted(names):
            raise Refused("session.participants", f"{order['threshold']} holders of shares sign, in their order")
        return indices

    def _require_pairs(self, share: Share, names: Sequence[str]) -> None:
        """No two of them barred by the log, none barred by this node or out of its budget."""
        for bar in self._replica.accepted.bars:
            if (bar.key, bar.epoch) == (share.root.key, share.root.epoch) and bar.pair <= set(names):
                raise Refused("signer.barred", f"{' and '.join(sorted(bar.pair))} may not share a session of the key")
        for name in names:
            if name != self._peers.name:
                self._probes.require(share.root, name)
