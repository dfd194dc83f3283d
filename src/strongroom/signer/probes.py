"""Guards of reusable oblivious-transfer state: a peer may probe it once, knowingly, and rarely by crashes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from strongroom.errors import Refused
from strongroom.signer.disk import Disk

BUDGET: Final = 16  # possible probes a pair and epoch; 256 would give the key away


@dataclass(frozen=True, slots=True)
class Root:
    """One epoch of a root key: its name and epoch, and the transcript that tells its shares from any others'."""

    key: str
    epoch: int
    transcript: str


class Probes:
    """Sessions in flight, possible probes counted, pairs barred; a BIP-32 child counts as its root key."""

    def __init__(self, disk: Disk) -> None:
        """Each record found in flight may have been a probe: this process did not see its phase return."""
        self._disk = disk
        self._used = disk.all("probes")
        self._bans = disk.all("ban")
        for session, record in disk.all("flight").items():
            self.doubt(Root(record["key"], record["epoch"], record["transcript"]), record["peers"])
            disk.drop("flight", session)
        disk.commit()

    def __len__(self) -> int:
        return len(self._bans)

    def require(self, root: Root, peer: str) -> None:
        """Raises Refused signer.barred or session.budget_spent."""
        name = _pair(root, peer)
        if name in self._bans:
            raise Refused("signer.barred", f"'{peer}' is barred from sessions of key '{root.key}' with this node")
        if name in self._used and self._used[name]["used"] >= BUDGET:
            raise Refused("session.budget_spent", f"{BUDGET} sessions of key '{root.key}' with '{peer}' broke off")

    def begin(self, session: str, root: Root, peers: Iterable[str]) -> None:
        """Record durably, now, that peers may be about to probe."""
        record = {"key": root.key, "epoch": root.epoch, "transcript": root.transcript, "peers": list(peers)}
        self._disk.put("flight", session, record)
        self._disk.commit()

    def end(self, session: str) -> None:
        """The phase has returned, or was never run: no probe."""
        self._disk.drop("flight", session)

    def doubt(self, root: Root, peers: Iterable[str]) -> None:
        """Count a possible probe by each peer."""
        for peer in peers:
            record = self._used.setdefault(_pair(root, peer), {"key": root.key, "peer": peer, "used": 0})
            record["used"] += 1
            self._disk.put("probes", _pair(root, peer), record)

    def ban(self, session: str, root: Root, peers: Iterable[str], reason: str) -> None:
        """Bar the pairs durably, now: before anything is sent."""
        for peer in peers:
            ban = {"key": root.key, "epoch": root.epoch, "peer": peer, "session": session, "reason": reason}
            self._bans.setdefault(_pair(root, peer), ban)
            self._disk.put("ban", _pair(root, peer), ban)
        self.end(session)
        self._disk.commit()

    def bans(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every ban: the key's transcript, and its key, epoch, peer, session, reason."""
        for name, ban in self._bans.items():
            yield name.partition(" ")[0], ban

    def budget(self) -> dict[str, dict[str, int]]:
        """Possible probes by key and peer."""
        found: dict[str, dict[str, int]] = {}
        for record in self._used.values():
            peers = found.setdefault(record["key"], {})
            peers[record["peer"]] = max(record["used"], peers.get(record["peer"], 0))
        return found


def _pair(root: Root, peer: str) -> str:
    return f"{root.transcript} {peer}"
