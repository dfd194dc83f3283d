"""After its start a node asks the others for their heads; it speaks only for a log that extends enough of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from strongroom.custody.witnesses import reached, witnesses
from strongroom.documents.canonical import fields
from strongroom.documents.credentials import SigningKey
from strongroom.documents.names import parse_hash, parse_hex
from strongroom.errors import Refused
from strongroom.signer.replica import Replica
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import signed_bytes

AGAIN: Final = 1000  # ms between two rounds of questions
_PREFIX: Final = 48  # hex digits of a nonce that are random; the others count the rounds

_ANSWER: Final = {"nonce": str, "size": int, "root": str, "signature": str}


class Rejoin:
    """One process's questions, in rounds under a fresh nonce each, and each other node's answer to its newest one.

    Any q-1 answers will do: whoever carries them chooses which arrive. So the heads of q-1 nodes must be on the
    own branch, or behind a quorum-cosigned head, whatever others say; with the own disk that makes a quorum.
    """

    def __init__(self, replica: Replica, name: str, key: SigningKey, nonce: str) -> None:
        self._replica, self._name, self._key, self._nonce = replica, name, key, nonce
        self._heads: dict[str, tuple[int, int, bytes]] = {}  # round, size, root
        self._asked, self._round = -AGAIN, 0

    def holds(self, size: int | None = None) -> bool:
        """Whether the own branch up to a size, all of it by default, extends the heads of q-1 other nodes."""
        replica = self._replica
        if self._name not in witnesses(replica.accepted):
            return False  # an empty log, or one that has not enrolled this node yet, or no longer does
        reach = replica.accepted.size if size is None else size
        covered = [
            name
            for name, (_, height, root) in self._heads.items()
            if height <= replica.cosigned.size or (height <= reach and replica.root_at(height) == root)
        ]
        return reached(replica.accepted, [*covered, self._name])

    def require(self, size: int | None = None) -> None:
        """Raises Refused rejoin.heads_missing."""
        if not self.holds(size):
            raise Refused("rejoin.heads_missing", "since its start this node has not seen enough other nodes' heads")

    def ask(self, now: int) -> Iterator[Frame]:
        """The challenges to send now; none within a second, and none once enough is known."""
        nodes = self._replica.nodes
        if nodes and not 0 <= now - self._asked < AGAIN and not self.holds():
            self._asked, self._round = now, self._round + 1
            for other in nodes:
                if other != self._name:
                    yield Frame("challenge", self._name, other, {"nonce": self._of_round(self._round)})

    def on_challenge(self, frame: Frame) -> Frame:
        """Answer with the own accepted head."""
        self._replica.require_own_disk()
        nonce = parse_hash(fields(frame.head, "challenge", {"nonce": str})["nonce"])
        state = self._replica.accepted
        head = {"nonce": nonce, "size": state.size, "root": state.root.hex()}
        signature = self._key.sign(self._signed(self._name, head))
        return Frame("answer", self._name, frame.sender, {**head, "signature": signature.hex()})

    def on_answer(self, frame: Frame) -> None:
        """Keep another node's head; an answer to an earlier question never replaces one to a later. Raises Refused."""
        head = dict(fields(frame.head, "answer", _ANSWER))
        node = self._replica.nodes.get(frame.sender)
        signature = parse_hex(head.pop("signature"), 64)
        asked = int(parse_hash(head["nonce"])[_PREFIX:], 16)
        if node is None or node.name == self._name or asked > self._round or head["nonce"] != self._of_round(asked):
            raise Refused("rejoin.answer", "the answer is to no question of this node")
        node.credential.verify(self._signed(node.name, head), signature)
        if asked > self._heads.get(node.name, (0,))[0]:
            self._heads[node.name] = (asked, head["size"], bytes.fromhex(parse_hash(head["root"])))

    def _of_round(self, number: int) -> str:
        return f"{self._nonce[:_PREFIX]}{number:0{64 - _PREFIX}x}"

    def _signed(self, node: str, head: dict[str, Any]) -> bytes:
        return signed_bytes("rejoin answer", workspace=self._replica.workspace, node=node, **head)
