"""Accept statements: the first of a witness's two steps, signed, so that others may count it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from strongroom.documents.canonical import encode, fields
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_hex, parse_slug
from strongroom.documents.statement import payload_type
from strongroom.errors import InvalidInput, Refused

MAX_ACCEPTS: Final = 64

_SHAPE: Final = {"node": str, "size": int, "root": str, "repair": int, "signature": str}
_TYPE: Final = payload_type("witness.accept")


@dataclass(frozen=True, slots=True)
class Accept:
    """Node `node` has durably accepted the head (size in entries, 32-byte root) under a repair number."""

    node: str
    size: int
    root: bytes
    repair: int
    signature: bytes

    def to_doc(self) -> dict[str, Any]:
        """The head of an `accept` frame: root and signature in hex."""
        head = {"node": self.node, "size": self.size, "root": self.root.hex(), "repair": self.repair}
        return {**head, "signature": self.signature.hex()}

    @classmethod
    def from_doc(cls, doc: object) -> Accept:
        """The accept of to_doc's form, its signature not yet verified; raises InvalidInput."""
        found = fields(doc, "accept", _SHAPE)
        if min(found["size"], found["repair"]) < 0:
            raise InvalidInput("accept.syntax", "the counts of an accept are not negative")
        root, signature = parse_hex(found["root"], 32), parse_hex(found["signature"], 64)
        return cls(parse_slug(found["node"]), found["size"], root, found["repair"], signature)


def accept_message(workspace: str, node: str, size: int, root: bytes, repair: int) -> bytes:
    """What is signed: the DSSE pre-authentication encoding of the canonical statement."""
    doc = {"workspace": workspace, "node": node, "size": size, "root": root.hex(), "repair": repair}
    return Envelope(encode(doc), _TYPE, ()).pae()


def sign_accept(workspace: str, node: str, size: int, root: bytes, repair: int, key: SigningKey) -> Accept:
    """The node's accept of a head; the caller has made that head durable before."""
    return Accept(node, size, root, repair, key.sign(accept_message(workspace, node, size, root, repair)))


@lru_cache(maxsize=1024)
def _valid(credential: Credential, message: bytes, signature: bytes) -> bool:
    try:
        credential.verify(message, signature)
    except Refused:
        return False
    return True


def accepted_by(
    accepts: Iterable[Accept], workspace: str, head: tuple[int, bytes, int], witnesses: Mapping[str, Credential]
) -> dict[str, Accept]:
    """The valid accepts of exactly this head (size, root, repair number) by witness; a key counts once.

    Signatures are verified once a process: the same accept comes with the append and again with the cosign.
    """
    found: dict[str, Accept] = {}
    for accept in accepts:
        credential = witnesses.get(accept.node)
        if credential is None or (accept.size, accept.root, accept.repair) != head:
            continue
        message = accept_message(workspace, accept.node, accept.size, accept.root, accept.repair)
        if _valid(credential, message, accept.signature):
            found.setdefault(credential.key_id, accept)
    return {accept.node: accept for accept in found.values()}


def parse_accepts(docs: object) -> tuple[Accept, ...]:
    """The accepts of a frame's list, at most 64; raises InvalidInput."""
    if type(docs) is not list or len(docs) > MAX_ACCEPTS:
        raise InvalidInput("accept.syntax", f"accepts are a list of at most {MAX_ACCEPTS}")
    return tuple(map(Accept.from_doc, docs))
