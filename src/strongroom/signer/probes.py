"""Guards of reusable oblivious-transfer state: a peer may probe it once, knowingly, and rarely by crashes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from strongroom.custody.state import ThresholdKey
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
        self._flights: dict[str, list[str]] = {}  # the pairs of each session that may be probing now
        self._bans = disk.all("ban")
        for session, record in disk.all("flight").items():
            self.doubt(Root(record["key"], record["epoch"], record["transcript"]), record["peers"])
            disk.drop("flight", session)
        disk.commit()

    def __len__(self) -> int:
        return len(self._bans)

    def require_unbanned(self, key: str, peer: str) -> None:
        """Raises Refused signer.barred: this node meets a peer that it has banned in no epoch of the key again."""
        if any((ban["key"], ban["peer"]) == (key, peer) for ban in self._bans.values()):
            raise Refused("signer.barred", f"'{peer}' is barred from sessions of key '{key}' with this node")

    def require(self, root: Root, peer: str) -> None:
        """Raises Refused signer.barred or session.budget_spent; what is in flight may come to count as well."""
        self.require_unbanned(root.key, peer)
        pair = _pair(root, peer)
        counted = self._used[pair]["used"] if pair in self._used else 0
        if counted + sum(pair in pairs for pairs in self._flights.values()) >= BUDGET:
            raise Refused("session.budget_spent", f"{BUDGET} sessions of key '{root.key}' with '{peer}' broke off")

    def begin(self, session: str, root: Root, peers: Collection[str]) -> None:
        """Record durably, now, that peers may be about to probe; raises Refused like `require`."""
        for peer in peers:
            self.require(root, peer)
        self._flights[session] = [_pair(root, peer) for peer in peers]
        record = {"key": root.key, "epoch": root.epoch, "transcript": root.transcript, "peers": list(peers)}
        self._disk.put("flight", session, record)
        self._disk.commit()

    def end(self, session: str) -> None:
        """The phase has returned, or was never run: no probe."""
        self._flights.pop(session, None)
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

    def forget(self, transcripts: Collection[str]) -> None:
        """Drop what was counted for shares that are erased; bans stay."""
        for pair in [pair for pair in self._used if pair.partition(" ")[0] in transcripts]:
            del self._used[pair]
            self._disk.drop("probes", pair)

    def bans(self) -> Iterable[dict[str, Any]]:
        """Every ban: key, epoch, peer, session, reason."""
        return self._bans.values()

    def budget(self, keys: Mapping[str, ThresholdKey]) -> dict[str, dict[str, int]]:
        """Possible probes by key and peer, of the epoch that each key is in."""
        found: dict[str, dict[str, int]] = {}
        for pair, record in self._used.items():
            key = keys.get(record["key"])
            if key is not None and pair == f"{key.transcript} {record['peer']}":
                found.setdefault(key.name, {})[record["peer"]] = record["used"]
        return found


def _pair(root: Root, peer: str) -> str:
    return f"{root.transcript} {peer}"
