"""What the coordinator knows of each enrolled node: its connection, its heads, its clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_hash
from strongroom.errors import StrongroomError
from strongroom.log.checkpoint import parse_note
from strongroom.policy.model import Duty, Policy

_HEAD: Final = {
    "size": int,
    "root": str,
    "cosigned": int,
    "repair": int,
    "stated": int,
    "note": str,
    "boot": str,
    "rejoined": bool,
    "clock": int,
    "stops": int,
    "budget": dict,
    "bans": int,
}


@dataclass(slots=True)
class Peer:
    """A node as last heard; `size` is the part of our log that it is known to hold."""

    name: str
    duty: Duty
    connected: bool = False
    reported: bool = False
    size: int = 0
    root: bytes = b""
    diverged: bool = False
    cosigned: int = 0
    repair: int = 0
    stated: int = 0
    """The highest repair on its branch, and the highest that it has stated its head for."""
    note: str = ""
    told: str = ""
    """The note that was sent to it last."""
    boot: str = ""
    rejoined: bool = False
    skew: int = 0
    heard: int = 0
    stops: int = 0
    bans: int = 0
    budget: Mapping[str, Any] = field(default_factory=dict)
    offered: tuple[int, int, int] = (0, 0, 0)
    """When (ms) entries were last offered to it, from where and up to which size."""

    def hear(self, head: dict[str, Any], now: int) -> None:
        """Take a `head` frame's fields over; raises InvalidInput."""
        found = fields(head, "head", _HEAD)
        self.size, self.root = max(0, found["size"]), bytes.fromhex(parse_hash(found["root"]))
        self.cosigned, self.note = max(0, found["cosigned"]), found["note"]
        self.repair, self.stated = found["repair"], found["stated"]
        self.boot, self.rejoined = found["boot"], found["rejoined"]
        self.stops, self.budget, self.bans = found["stops"], found["budget"], found["bans"]
        self.skew, self.heard, self.reported = found["clock"] - now, now, True

    @property
    def noted(self) -> int:
        """The size of the newest quorum-cosigned head that it says it holds."""
        try:
            return parse_note(self.note).checkpoint.size
        except StrongroomError:
            return 0

    def used_with(self, key: str, other: str) -> int:
        """Unfinished sessions of a key that it has counted with another signer."""
        per_key = self.budget.get(key)
        used = per_key.get(other) if isinstance(per_key, dict) else None
        return used if type(used) is int else 0


class Peers:
    """All nodes of the policy in force, by name."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}

    def enrol(self, policy: Policy | None) -> None:
        """Make room for the policy's nodes."""
        for name, node in policy.nodes.items() if policy else ():
            self._peers.setdefault(name, Peer(name, node.duty))

    def __getitem__(self, name: str) -> Peer:
        return self._peers[name]

    def __contains__(self, name: str) -> bool:
        return name in self._peers

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def connected(self) -> list[Peer]:
        """The nodes that are connected now."""
        return [peer for peer in self._peers.values() if peer.connected]
