"""A byzantine witness: the production node with its key in bad hands, which vouches for whatever it is asked to."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from strongroom.custody.state import TransferId
from strongroom.custody.stops import transfer_of
from strongroom.custody.wallets import public_key_of
from strongroom.errors import StrongroomError
from strongroom.log.accept import sign_accept
from strongroom.log.checkpoint import Checkpoint, cosign, origin_of
from strongroom.log.entry import parse_entry
from strongroom.log.tree import CompactRange
from strongroom.signer.node import Node
from strongroom.signer.signing import Signing
from strongroom.wire.frame import Frame, split_entries
from strongroom.wire.handshake import COORDINATOR
from tests.simulation.machine import Machine

if TYPE_CHECKING:
    from tests.simulation.world import World


class Byzantine(Machine):
    """It accepts and cosigns every head, shows old heads, gives false entries, and signs without asking."""

    def __init__(self, world: World, name: str, image: bytes) -> None:
        super().__init__(world, name, image)
        self.faulty = True

    def start(self) -> None:
        """Start, and take the conscience out of the signer."""
        self.disk.execute("DELETE FROM fact WHERE kind = 'note'")  # it would show what it has cosigned
        self.disk.commit()
        super().start()
        if self.node is None:
            return
        self.node._here.replica._found_restored = lambda reason: None  # type: ignore[method-assign]
        signing = getattr(self.node._handlers["sign"], "__self__", None)
        if isinstance(signing, Signing):
            self.node._handlers["sign"] = lambda frame: _sign(signing, frame)

    def receive(self, frame: Frame) -> None:
        """What a witness must not do it does here; then the node in it acts as it should, mostly."""
        if self.node is None:
            return
        with suppress(StrongroomError, ValueError, KeyError, TypeError):  # some requests not even it can meet
            self._misbehave(self.node, frame)
        if frame.kind != "cosign" and self.rng.random() < 0.9:
            super().receive(frame)

    def _misbehave(self, node: Node, frame: Frame) -> None:
        replica, workspace = node._here.replica, self.world.template.workspace
        match frame.kind:
            case "append":
                raws = node._here.disk.entries(0, frame.head["from"]) + split_entries(frame.body)
                tree = CompactRange()
                for raw in raws:
                    tree = tree.append(parse_entry(raw).leaf)
                accept = sign_accept(
                    workspace, self.name, tree.size, tree.root(), replica.accepted.repair, self.key
                )
                self._say("accept", accept.to_doc())
            case "cosign":
                head = Checkpoint(origin_of(workspace), frame.head["size"], bytes.fromhex(frame.head["root"]))
                line = cosign(head, self.key, self.name, self.clock() // 1000)
                self._say("cosignature", {"size": head.size, "line": line.text()})
            case "challenge" if self.rng.random() < 0.5:
                size = self.rng.randint(0, replica.accepted.size)
                root = (replica.root_at(size) or bytes(32)).hex()
                head = {"nonce": frame.head["nonce"], "size": size, "root": root}
                signature = self.key.sign(node._here.rejoin._signed(self.name, head))
                self.say(Frame("answer", self.name, frame.sender, {**head, "signature": signature.hex()}))
            case "entries.ask" if self.rng.random() < 0.5:
                self._say("entries", {"from": frame.head["from"], "count": 1}, b"\0\0\0\x02{}")
            case "head.ask" if self.rng.random() < 0.3:
                head = {"size": replica.accepted.size + 7, "root": "ab" * 32, "cosigned": 0, "repair": 0, "stated": 0}
                head |= {"note": "", "boot": "", "rejoined": True, "clock": self.clock()}
                head |= {"stops": 0, "budget": {}, "bans": 0}
                self._say("head", head)

    def _say(self, kind: str, head: dict[str, Any], body: bytes = b"") -> None:
        self.say(Frame(kind, self.name, COORDINATOR, head, body))


def _sign(signing: Signing, frame: Frame) -> None:
    """Take part in whatever session is asked for: no policy, no stop, no freshness, no ban."""
    head, station = frame.head, signing._station
    state, name = station.replica.accepted, TransferId(head["transfer"])
    transfer = transfer_of(state, name)
    wallet = state.wallets[transfer.intent.wallet]
    index = transfer.authorization.index if transfer.authorization else -1
    about = {"path": list(wallet.path), "authorization": {"transfer": name, "index": index}}
    share = signing._shares.of(state.keys[wallet.key].transcript)
    holders = share.order["participants"]
    signing._participants = lambda _, names: {n: holders.index(n) + 1 for n in names}  # type: ignore[method-assign]
    digest, key = bytes.fromhex(head["digest"]), public_key_of(state, wallet)
    signing._start("sign", name, share, about, digest, head, key, lambda: None)
