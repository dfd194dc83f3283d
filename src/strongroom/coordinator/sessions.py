"""Requests to signers for one signature, and what comes back: the signature, refusals, silence."""

from __future__ import annotations

import asyncio
import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from strongroom.coordinator.peers import Peer
from strongroom.coordinator.ports import Transport
from strongroom.custody.state import Bar, ThresholdKey
from strongroom.errors import Refused, StrongroomError, Unreachable
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR

PATIENCE_SECONDS: Final = 6.0
MOST_STRAYS: Final = 1000
GRACE_SECONDS: Final = 0.2
MOST_PROBES: Final = 14
"""Of a pair, possible probes and sessions under way: of 16, less a few that a signer has still to close."""

Verify = Callable[[bytes], None]


@dataclass(slots=True)
class Attempt:
    """One run: who takes part, and the promise of a signature."""

    participants: tuple[str, ...]
    verify: Verify
    result: asyncio.Future[bytes]
    refusals: dict[str, Refused] = field(default_factory=dict)


class Sessions:
    """Correlates `signed` and `refused` frames with attempts, by (reference, digest)."""

    def __init__(self, transport: Transport, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._transport, self._entropy = transport, entropy
        self._attempts: dict[tuple[str, str], Attempt] = {}
        self._strays: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._used: Counter[frozenset[str]] = Counter()
        self.failed: Counter[str] = Counter()
        """Attempts in a row that failed through a node."""

    def choose(
        self, key: ThresholdKey, available: Iterable[Peer], bars: frozenset[Bar], size: int = 0
    ) -> tuple[str, ...] | None:
        """t participants in index order, no pair barred or busy: fewest failures, least used budget, fair turns.

        Whoever does not hold the first `size` entries yet could only refuse, and comes last.
        """
        barred = {bar.pair for bar in bars if (bar.key, bar.epoch) == (key.name, key.epoch)}
        order = {name: index for index, name in enumerate(key.participants)}
        peers = sorted(available, key=lambda peer: order[peer.name])
        best: tuple[tuple[int, int, int, int], tuple[str, ...]] | None = None
        for group in combinations(peers, key.threshold):
            pairs = list(combinations(group, 2))
            if any(frozenset((a.name, b.name)) in barred for a, b in pairs):
                continue
            budget = max(max(a.used_with(key.name, b.name), b.used_with(key.name, a.name)) for a, b in pairs)
            if any(budget + self._running(a.name, b.name) >= MOST_PROBES for a, b in pairs):
                continue
            names = tuple(peer.name for peer in group)
            behind = sum(peer.size < size for peer in group)
            rank = (behind, sum(self.failed[name] for name in names), budget, self._used[frozenset(names)])
            if best is None or rank < best[0]:
                best = rank, names
        return best[1] if best else None

    @property
    def busy(self) -> bool:
        """Whether any session runs."""
        return bool(self._attempts)

    def _running(self, *pair: str) -> int:
        return sum(set(pair) <= set(attempt.participants) for attempt in self._attempts.values())

    async def run(
        self, kind: str, ref: str, digest: str, participants: tuple[str, ...], head: dict[str, Any], verify: Verify
    ) -> bytes:
        """Ask the participants with a fresh nonce; the verified signature. Raises Refused or Unreachable."""
        stray = self._strays.pop((ref, digest), None)
        if stray is not None:
            try:
                verify(stray)
                return stray
            except StrongroomError:
                pass  # not a signature of this payload: make one
        self._used[frozenset(participants)] += 1
        result: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        attempt = self._attempts[ref, digest] = Attempt(participants, verify, result)
        head = {**head, "participants": list(participants), "nonce": self.nonce()}
        for node in participants:
            self._transport.send(node, Frame(kind, COORDINATOR, node, head))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                signature = await result
        except TimeoutError:
            self.failed.update(participants)
            raise Unreachable("session.timeout", f"{', '.join(participants)} did not finish in time") from None
        finally:
            if self._attempts.get((ref, digest)) is attempt:
                del self._attempts[ref, digest]
        for name in participants:
            self.failed.pop(name, None)
        return signature

    def nonce(self) -> str:
        """32 fresh random bytes in hex, so that no two runs have the same session id."""
        return self._entropy(32).hex()

    def take_signed(self, node: str, ref: str, digest: str, signature: bytes) -> None:
        """A node reports a finished signature; one that does not verify is its refusal."""
        attempt = self._attempts.get((ref, digest))
        if attempt is None or attempt.result.done():
            self._strays[ref, digest] = signature
            while len(self._strays) > MOST_STRAYS:
                self._strays.popitem(last=False)
            return
        try:
            attempt.verify(signature)
        except StrongroomError as error:
            self._fail(attempt, node, Refused(error.code, f"{node}: {error.message}"))
            return
        attempt.result.set_result(signature)

    def take_refusal(self, node: str, ref: str, error: Refused) -> bool:
        """A node refuses its part; False when no attempt is open for that transfer, key or digest."""
        for (name, digest), attempt in list(self._attempts.items()):
            if ref in (name, digest) and node in attempt.participants and not attempt.result.done():
                self._fail(attempt, node, error)
                return True
        return False

    def lost(self, node: str) -> None:
        """A node's connection ended: its sessions are dead."""
        for attempt in list(self._attempts.values()):
            if node in attempt.participants and not attempt.result.done():
                self.failed[node] += 1
                attempt.result.set_exception(Unreachable("node.unreachable", f"{node} has gone"))

    def _fail(self, attempt: Attempt, node: str, error: Refused) -> None:
        if node in attempt.refusals:
            return
        attempt.refusals[node] = error
        self.failed[node] += 1

        def give_up() -> None:
            if not attempt.result.done():
                attempt.result.set_exception(error)

        # Another participant may still answer with the signature that it has stored.
        asyncio.get_running_loop().call_later(GRACE_SECONDS, give_up)
