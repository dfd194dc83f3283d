"""The listener's half of the handshake of a relay connection; without I/O."""

from __future__ import annotations

from typing import Final

from strongroom.documents.credentials import Credential, SigningKey
from strongroom.documents.names import parse_hash, parse_hex, parse_slug
from strongroom.errors import Refused
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR, expect, message

_HELLO: Final = {"node": str, "nonce": str, "signature": str}


class ListenerSide:
    """The listener's half of one connection; `label` is what nodes know it by, see NodeSide."""

    def __init__(self, workspace: str, key: SigningKey, nonce: str, label: str = COORDINATOR) -> None:
        self._workspace, self._key, self._nonce, self._label = workspace, key, nonce, label

    def welcome(self) -> Frame:
        """The first frame of the connection; the nonce is 32 fresh random bytes in hex."""
        return Frame("welcome", COORDINATOR, "node", {"workspace": self._workspace, "nonce": self._nonce})

    def on_hello(self, frame: Frame, credentials: dict[str, Credential]) -> tuple[str, Frame]:
        """The node's name and the ready to send; `credentials` are the enrolled nodes'. Raises Refused."""
        head = expect(frame, "hello", _HELLO)
        node, theirs = parse_slug(head["node"]), parse_hash(head["nonce"])
        credential = credentials.get(node)
        if credential is None:
            raise Refused("node.unknown", f"no node '{node}' is enrolled")
        signature = parse_hex(head["signature"], 64)
        credential.verify(message("hello", self._label, self._workspace, node, self._nonce, theirs), signature)
        signature = self._key.sign(message("ready", self._label, self._workspace, node, self._nonce, theirs))
        return node, Frame("ready", COORDINATOR, node, {"signature": signature.hex()})
