"""The handshake of a relay connection: who dialled and who listens, by their enrolled keys; without I/O."""

from __future__ import annotations

from typing import Any, Final

from strongroom.documents.canonical import encode, fields
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.documents.names import parse_hash, parse_hex
from strongroom.errors import InvalidInput, Refused
from strongroom.wire.frame import Frame

COORDINATOR: Final = "coordinator"

_WELCOME: Final = {"workspace": str, "nonce": str}
_READY: Final = {"signature": str}


def signed_bytes(purpose: str, **parts: Any) -> bytes:
    """What an identity key signs outside statements: a canonical document that states its purpose.

    A statement's bytes begin with "DSSEv1", a checkpoint's with "cosignature": these begin with a brace.
    """
    return encode({"purpose": f"strongroom {purpose}", **parts})


class NodeSide:
    """The node's half of one connection: answer a welcome, then check the ready.

    What it signs names whom it dialled, `coordinator` or a stop relay's key id: one relay that it dials cannot
    use its hello to pass for it at another.
    """

    def __init__(self, workspace: str, node: str, key: SigningKey, nonce: str, label: str = COORDINATOR) -> None:
        self._workspace, self._node, self._key, self._nonce, self._label = workspace, node, key, nonce, label
        self._theirs = ""

    def on_welcome(self, frame: Frame) -> Frame:
        """The hello; raises Refused workspace.not_created_here for another workspace than the pinned one."""
        head = expect(frame, "welcome", _WELCOME)
        if parse_hash(head["workspace"]) != self._workspace:
            raise Refused("workspace.not_created_here", "the relay serves another workspace than this node's")
        self._theirs = parse_hash(head["nonce"])
        signature = self._key.sign(self._message("hello"))
        head = {"node": self._node, "nonce": self._nonce, "signature": signature.hex()}
        return Frame("hello", self._node, COORDINATOR, head)

    def on_ready(self, frame: Frame, listener: Credential | None) -> None:
        """Check the listener; before the first entry no key is known, and the workspace id pins everything."""
        signature = parse_hex(expect(frame, "ready", _READY)["signature"], 64)
        if listener is not None:
            listener.verify(self._message("ready"), signature)

    def _message(self, step: str) -> bytes:
        return message(step, self._label, self._workspace, self._node, self._theirs, self._nonce)


def message(step: str, label: str, workspace: str, node: str, listener_nonce: str, node_nonce: str) -> bytes:
    """What either side signs in its step, `hello` or `ready`: both nonces (hex), so that nothing can be replayed."""
    nonces = {"listener_nonce": listener_nonce, "node_nonce": node_nonce}
    return signed_bytes(f"relay {step}", listener=label, workspace=workspace, node=node, **nonces)


def expect(frame: Frame, kind: str, shape: dict[str, Any]) -> dict[str, Any]:
    """The head of a frame of this kind and shape; raises InvalidInput handshake.order, document.*."""
    if frame.kind != kind:
        raise InvalidInput("handshake.order", f"expected {kind}, not {frame.kind}")
    return fields(frame.head, kind, shape)
