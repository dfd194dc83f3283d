"""The decision to sign: what the own replica says, on every state that counts, at the moment of signing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from strongroom.chains.verify import verify_signature
from strongroom.custody.keys import possession_digest, refreshable
from strongroom.custody.permission import may_sign
from strongroom.custody.state import TransferId
from strongroom.custody.stops import transfer_of
from strongroom.custody.wallets import public_key_of
from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_hash
from strongroom.errors import Refused
from strongroom.keys.threshold import Keygen, Signature, Vault
from strongroom.signer.keygen import Share, Shares
from strongroom.signer.station import Station
from strongroom.signer.witness import Witness
from strongroom.wire.frame import Frame


class Signing:
    """Signs authorized payloads, and the possession proof of shares that are not in use yet."""

    def __init__(self, station: Station, witness: Witness, shares: Shares, vault: Vault) -> None:
        self._station, self._witness, self._shares, self._vault = station, witness, shares, vault

    def on_sign(self, frame: Frame) -> None:
        """Sign a payload that the log authorizes; the same request again yields the same signature."""
        shape = {"transfer": str, "digest": str, "participants": list, "nonce": str, "note": str}
        head, station = fields(frame.head, "sign", shape), self._station
        name, digest = TransferId(parse_hash(head["transfer"])), parse_hash(head["digest"])
        if self._sent_again(name, digest):
            return
        if head["note"]:
            self._witness.see(head["note"])
        decided: list[object] = []

        def permit() -> None:
            """Decide, and again whenever anything has come that could change the decision; heads grow stale anyway."""
            newest = [station.replica.accepted, station.stops.version]
            if decided != newest:
                station.require_voice()
                for state in station.states():
                    may_sign(state, name, digest, station.clock())
                decided[:] = newest
            transfer = transfer_of(station.replica.state, name)
            self._witness.require_fresh(station.replica.state.wallets[transfer.intent.wallet].tier)

        permit()
        state = station.replica.state
        transfer = transfer_of(state, name)
        wallet = state.wallets[transfer.intent.wallet]
        index = transfer.authorization.index if transfer.authorization else -1
        about = {"path": list(wallet.path), "authorization": {"transfer": name, "index": index}}
        share = self._shares.of(state.keys[wallet.key].transcript)

        def permit_now() -> None:
            permit()
            if station.replica.accepted.keys[wallet.key].transcript != share.transcript:
                raise Refused("key.refreshing", f"key '{wallet.key}' is between two epochs: ask again in a moment")

        self._start("sign", name, share, about, bytes.fromhex(digest), head, public_key_of(state, wallet), permit_now)

    def on_possession(self, frame: Frame) -> None:
        """Sign the possession proof of the newest share made for a key, or an epoch, that the log does not hold yet."""
        head = fields(frame.head, "possession", {"name": str, "participants": list, "nonce": str})
        name, station = head["name"], self._station
        share = self._shares.newest(name)
        digest = possession_digest(station.replica.workspace, name, share.transcript)
        if self._sent_again(name, digest.hex()):
            return

        def permit() -> None:
            station.require_voice()
            key, epoch = station.replica.accepted.keys.get(name), share.order["epoch"]
            if key is not None and epoch <= key.epoch:
                raise Refused("key.exists", f"key '{name}' is in the log: it signs what the log authorizes")
            if key is not None:
                refreshable(station.replica.accepted, name, epoch)

        permit()
        about = {"path": list[int](), "authorization": {"possession": name}}
        self._start("possession", name, share, about, digest, head, share.public_key, permit)

    def _sent_again(self, ref: str, digest: str) -> bool:
        found = self._station.disk.get("signature", f"{ref} {digest}")
        if found is not None:
            self._station.send("signed", {"ref": ref, "digest": digest, **found})
        return found is not None

    def _start(
        self, what: str, ref: str, share: Share, about: dict[str, Any], digest: bytes, head: dict[str, Any],
        public_key: bytes, permit: Callable[[], None],
    ) -> None:  # fmt: skip
        station, root, order = self._station, share.root, share.order
        indices = self._participants(share, head["participants"])

        def allowed() -> None:
            permit()
            self._participants(share, head["participants"])  # a bar or a ban may have come since

        def finish(done: Keygen | Signature) -> None:
            if isinstance(done, Signature):
                verify_signature(order["scheme"], public_key, digest, done.data)
                station.disk.put("signature", f"{ref} {digest.hex()}", {"signature": done.data.hex()})
                self._sent_again(ref, digest.hex())

        about |= {"key": root.key, "epoch": root.epoch, "digest": digest.hex()}
        station.begin(
            what, ref, root, about, head["nonce"], indices,
            lambda session: self._vault.sign(
                share.sealed, session, list(indices.values()), digest, about["path"], root.epoch
            ),
            allowed, finish,
        )  # fmt: skip

    def _participants(self, share: Share, names: list[Any]) -> dict[str, int]:
        """Their share indices: exactly the threshold, ascending; no two barred, and none out of its budget."""
        holders, root, station = share.order["participants"], share.root, self._station
        indices = {name: holders.index(name) + 1 for name in names if name in holders}
        if list(indices) != names or len(names) != share.order["threshold"] or names != sorted(names):
            raise Refused("session.participants", "the threshold of holders of shares signs, in their order")
        for bar in station.replica.accepted.bars:
            if (bar.key, bar.epoch) == (root.key, root.epoch) and bar.pair <= set(names):
                raise Refused("signer.barred", f"{' and '.join(sorted(bar.pair))} may not share a session of the key")
        for name in names:
            if name != station.name:
                station.probes.require(root, name)
        return indices
