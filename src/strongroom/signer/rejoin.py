"""After its start a node asks the others for their heads; it speaks only for a log that extends enough of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from strongroom.documents.canonical import fields
from strongroom.documents.credentials import SigningKey
from strongroom.documents.names import parse_hash, parse_hex
from strongroom.errors import InvalidInput, Refused
from strongroom.signer.replica import Replica
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import signed_bytes

AGAIN: Final = 1000  # ms between two rounds of questions

_ANSWER: Final = {"nonce": str, "size": int, "root": str, "cosigned": int, "cosigned_root": str, "signature": str}


class Rejoin:
    """One process's questions, under one fresh nonce, and the newest answer of each other node.

    Any q-1 answers will do: whoever carries them chooses which arrive. So the heads of q-1 nodes must be on the
    own branch, or behind a quorum-cosigned head, whatever others say; with the own disk that makes a quorum.
    """

    def __init__(self, replica: Replica, name: str, key: SigningKey, nonce: str) -> None:
        self._replica, self._name, self._key, self._nonce = replica, name, key, nonce
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._asked = -AGAIN

    def holds(self, size: int | None = None) -> bool:
        """Whether the own branch up to a size, all of it by default, extends the heads of q-1 other nodes."""
        replica = self._replica
        if replica.accepted.policy is None:
            return False
        reach = replica.accepted.size if size is None else size
        covered = [
            name
            for name, (height, root) in self._heads.items()
            if height <= replica.cosigned.size or (height <= reach and replica.root_at(height) == root)
        ]
        return len(covered) >= replica.accepted.policy.witness_quorum - 1

    def require(self, size: int | None = None) -> None:
        """Raises Refused rejoin.heads_missing."""
        if not self.holds(size):
            raise Refused("rejoin.heads_missing", "since its start this node has not seen enough other nodes' heads")

    def ask(self, now: int) -> Iterator[Frame]:
        """The challenges to send now; none within a second, and none once enough is known."""
        nodes = self._replica.nodes
        if nodes and not 0 <= now - self._asked < AGAIN and not self.holds():
            self._asked = now
            for other in nodes:
                if other != self._name:
                    yield Frame("challenge", self._name, other, {"nonce": self._nonce})

    def on_challenge(self, frame: Frame) -> Frame:
        """Answer with the own accepted and highest cosigned head."""
        self._replica.require_own_disk()
        nonce = parse_hash(fields(frame.head, "challenge", {"nonce": str})["nonce"])
        state, (cosigned, cosigned_root) = self._replica.accepted, self._replica.own
        head = {"nonce": nonce, "size": state.size, "root": state.root.hex()}
        head |= {"cosigned": cosigned, "cosigned_root": cosigned_root.hex()}
        signature = self._key.sign(self._signed(self._name, head))
        return Frame("answer", self._name, frame.sender, {**head, "signature": signature.hex()})

    def on_answer(self, frame: Frame) -> None:
        """Keep another node's head; raises Refused or InvalidInput."""
        head = dict(fields(frame.head, "answer", _ANSWER))
        node = self._replica.nodes.get(frame.sender)
        signature = parse_hex(head.pop("signature"), 64)
        if node is None or node.name == self._name or head["nonce"] != self._nonce:
            raise Refused("rejoin.answer", "the answer is to no question of this node")
        node.credential.verify(self._signed(node.name, head), signature)
        if not 0 <= head["cosigned"] <= head["size"]:
            raise InvalidInput("rejoin.answer", "a node cosigns no more than it has accepted")
        self._heads[node.name] = (head["size"], bytes.fromhex(parse_hash(head["root"])))

    def _signed(self, node: str, head: dict[str, Any]) -> bytes:
        return signed_bytes("rejoin answer", workspace=self._replica.workspace, node=node, **head)
