"""Repair of a log that no side can continue: the highest head that n - f witnesses show, and what was lost again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import reduce
from typing import Any, Final

from strongroom.coordinator.adoption import CHUNK
from strongroom.coordinator.answers import Split
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.orders import Order
from strongroom.coordinator.peers import Peer
from strongroom.custody.fold import apply
from strongroom.custody.repair import MOST_SKIPPED, Shown, enough_shown, shown_by
from strongroom.custody.state import CustodyState
from strongroom.custody.witnesses import accepted, reached, witnesses
from strongroom.documents.canonical import fields
from strongroom.errors import InvalidInput, Refused, StrongroomError, Unreachable
from strongroom.log.entry import Entry, parse_entry
from strongroom.wire.frame import Frame, split_entries
from strongroom.wire.handshake import COORDINATOR

FETCH_SECONDS: Final = 3.0


class Repair:
    """Carries out `log.repair`; fetches what only witnesses hold."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: dict[tuple[str, int], asyncio.Future[list[bytes]]] = {}

    def split(self) -> Split:
        """Which heads there are, who holds them, whether one has a quorum, and the number of the next repair."""
        desk, history = self._desk, self._desk.sequencer.history
        state, base = history.state, history.cosigned.size
        heads: dict[tuple[int, int, str], list[str]] = {}
        peers = [peer for peer in desk.peers.connected() if peer.reported]
        for peer in peers:
            heads.setdefault(self._head_of(peer), []).append(peer.name)
        claimed = [peer.stated for peer in peers] + [peer.repair + 1 for peer in peers]
        number = max([state.repair + 1, *(each for each in claimed if each <= state.repair + MOST_SKIPPED)])
        waiting = any(state.repair < peer.stated <= number for peer in peers)
        stuck = len(heads) > 1 and not any(reached(state, holders) for holders in heads.values())
        names, final = [peer.name for peer in peers], history.cosigned
        if state.changing is not None and final.policy is not None:  # they cannot finish it, and could undo it
            stuck |= not reached(state, names) and enough_shown(final, names)
        again = tuple((index, entry.kind) for index, entry in enumerate(history.tail(base, state.size), base))
        return Split(stuck or waiting, number, base, heads, again)

    def _head_of(self, peer: Peer) -> tuple[int, int, str]:
        state = self._desk.state
        if not peer.diverged:
            return state.repair, state.size, state.root.hex()
        return peer.repair, peer.size, peer.root.hex()

    def check(self, order: Order) -> None:
        """A repair has a number above those there are; raises InvalidInput, Refused."""
        number = fields(order.subject, "log.repair", {"number": int})["number"]
        if number <= self._desk.state.repair:
            raise Refused("repair.number", f"repair {self._desk.state.repair} is in the log already")
        if order.attachment is not None:
            raise InvalidInput("statement.attachment", "a log.repair statement has no attachment")

    def question(self, order: Order) -> tuple[str, dict[str, Any]]:
        """Asks a node for its highest q-accepted head."""
        return "repair.ask", {"number": order.subject["number"], "order": order.documents()}

    async def finish(self, order: Order) -> None:
        """Log the repair on the highest head that is proven; one whose entries nobody gives is left out."""
        desk, number, shown = self._desk, order.subject["number"], self._shown(order)
        while shown:
            try:
                kept, base = await self._branch(shown[0])
            except StrongroomError as error:
                desk.say(f"the head that {shown[0].node} shows is left out: {error}")
                del shown[0]
                continue
            counted = [each.node for each in shown if each.node in witnesses(base)]
            if not enough_shown(base, counted):
                break
            lost = await self._lost(kept)
            evidence = [order.orders[person] for person in sorted(order.orders)]
            desk.sequencer.repair(kept, number, [*evidence, *(order.stated[node] for node in counted)], lost)
            return
        raise Unreachable("repair.statements_missing", "n - f witnesses have to show their highest heads")

    def _shown(self, order: Order) -> list[Shown]:
        """What the witnesses have stated, the highest head first; those of a change that is not final count as well."""
        found = dict[str, Shown]()
        for state in (self._desk.state, self._desk.cosigned):
            for node, envelope in order.stated.items():
                try:
                    found[node] = shown_by(state, envelope, order.subject["number"])
                except StrongroomError:
                    continue
        return sorted(found.values(), key=lambda each: each.rank, reverse=True)

    async def _branch(self, shown: Shown) -> tuple[list[Entry], CustodyState]:
        """The entries behind our cosigned head up to a proven one, and its state; raises Unreachable, Refused."""
        history, size = self._desk.sequencer.history, shown.rank[1]
        base = history.cosigned.size
        if size < base:
            raise Refused("repair.not_highest", "a quorum has cosigned a higher head")
        ours = history.root_at(size)
        if ours is not None and ours.hex() == shown.root:
            entries = history.tail(base, size)
        else:
            entries = await self._entries(shown.node, base, size)
        state = reduce(apply, entries, history.cosigned)
        if state.root.hex() != shown.root or not reached(state, accepted(state, shown.accepts)):
            raise Refused("repair.not_accepted", "it is not shown that a quorum accepted it")
        return entries, state

    async def _lost(self, kept: Sequence[Entry]) -> list[Entry]:
        """What witnesses hold on tails that give way: their statements serve again."""
        desk, found = self._desk, dict[bytes, Entry]()
        base, held = desk.cosigned.size, {entry.leaf for entry in kept}
        for peer in [peer for peer in desk.peers.connected() if peer.diverged and peer.size > base]:
            try:
                entries = await self._entries(peer.name, base, peer.size)
            except StrongroomError as error:
                desk.say(f"the tail of {peer.name} is not seen: {error}")
                continue
            found |= {entry.leaf: entry for entry in entries if entry.leaf not in held}
        return list(found.values())

    async def _entries(self, node: str, start: int, end: int) -> list[Entry]:
        found = list[Entry]()
        while start + len(found) < end:
            at = start + len(found)
            waiter = self._waiting[node, at] = asyncio.get_running_loop().create_future()
            head = {"from": at, "limit": min(CHUNK, end - at)}
            self._desk.transport.send(node, Frame("entries.ask", COORDINATOR, node, head))
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    raws = await waiter
            except TimeoutError:
                raise Unreachable("node.unreachable", f"{node} does not give its entries") from None
            finally:
                self._waiting.pop((node, at), None)
            if not raws:
                raise Refused("log.gap", f"{node} does not hold what it shows")
            found += map(parse_entry, raws)
        return found[: end - start]

    def take_entries(self, node: str, start: int, body: bytes) -> bool:
        """Entries that a node gives; False when they were not asked for here."""
        waiter = self._waiting.get((node, start))
        if waiter is None or waiter.done():
            return False
        try:
            waiter.set_result(split_entries(body))
        except InvalidInput:
            waiter.set_result([])  # as good as none
        return True
