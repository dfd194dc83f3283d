"""The sequencer: entries in, quorum-cosigned checkpoints out; event-driven, one round at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final

from strongroom.coordinator.history import History
from strongroom.coordinator.offers import append_frame
from strongroom.coordinator.peers import Peer, Peers
from strongroom.coordinator.ports import Clock, Transport
from strongroom.coordinator.rounds import No, Round
from strongroom.custody.fold import apply
from strongroom.custody.witnesses import ORDERS, witnesses
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.errors import StrongroomError
from strongroom.log.accept import Accept
from strongroom.log.entry import Entry, new_entry
from strongroom.store.log import LogStore
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR

LAZY_SECONDS: Final = 0.1
TICK_SECONDS: Final = 0.5
RESEND_MS: Final = 2_000
IDLE_MS: Final = 10_000
GRACE_SECONDS: Final = 0.1
STALLED_MS: Final = 2_000
RETIME_MS: Final = 10_000
MOST_ENTRIES: Final = 256  # a round
WAITING: Final = ("rejoin.", "share.", "checkpoint.", "log.", "stop.", "frame.", "document.", "accept.")
"""Refusals that say something about the node or the moment, not about an entry."""

Refused = Callable[[Entry, Mapping[str, No]], None]
"""Called with an entry that did not stay in the log, and who refused it why."""


class Sequencer:
    """Owns the order of entries; `check` of the history is the coordinator's own fold."""

    def __init__(
        self, history: History, log: LogStore, peers: Peers, transport: Transport, clock: Clock, key: SigningKey
    ) -> None:
        self.history, self._log, self.peers = history, log, peers
        self._transport, self._clock, self._key = transport, clock, key
        self.round: Round | None = None
        self.ready = False
        """Whether the nodes' heads have been seen and adopted after the start."""
        self.on_entry: list[Callable[[int, Entry], None]] = []
        self.on_cosigned: list[Callable[[], None]] = []
        self.on_refused: list[Refused] = []
        self.on_cut: list[Callable[[], None]] = []
        self._accepts: dict[str, Accept] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._hurry = 0
        """Entries below this size wait for a round; noted ones above it may wait for company."""
        self._last_note = 0
        self._last_retime = 0
        self._durable: list[tuple[int, asyncio.Future[None]]] = []

    # --- entries -----------------------------------------------------------------------------------------

    def submit(self, kind: str, body: dict[str, Any], evidence: Iterable[Envelope] = (), *, lazy: bool = False) -> int:
        """Append an entry that the fold allows; its index. Raises what the fold raises; nothing is kept then.

        `lazy` entries wait up to 100 ms for company, so that noted facts do not delay granting ones.
        """
        history = self.history
        entry = new_entry(kind, self.next_time(), body, evidence)
        index = history.put(entry, self._stored, lazy=lazy)
        for listener in self.on_entry:
            listener(index, entry)
        self._want(lazy)
        return index

    def next_time(self) -> int:
        """The time of the next entry: now, and never before the last."""
        return max(self._clock(), self.history.state.time)

    async def durable(self, index: int) -> None:
        """Returns once the entry at `index` is durable in the coordinator's store."""
        if self.history.durable <= index:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._durable.append((index, waiter))
            await waiter

    def _stored(self, size: int) -> None:
        waiting, self._durable = self._durable, []
        for index, waiter in waiting:
            if index < size:
                if not waiter.done():
                    waiter.set_result(None)
            else:
                self._durable.append((index, waiter))
        self.begin_due()

    def _want(self, lazy: bool) -> None:
        if not lazy:
            self._hurry = self.history.state.size
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LAZY_SECONDS, self._lazy_due)

    def _lazy_due(self) -> None:
        self._timer = None
        self._hurry = self.history.state.size
        self.begin_due()

    # --- rounds ------------------------------------------------------------------------------------------

    def begin_due(self) -> None:
        """Open a round if there is an entry that does not wait for company."""
        if self._hurry > self.history.cosigned.size:
            self.begin()

    def begin(self) -> None:
        """Open a round over what is durable and not cosigned, if none runs."""
        history = self.history
        size = min(history.durable, history.cosigned.size + MOST_ENTRIES)
        if self.round is not None or not self.ready or size <= history.cosigned.size:
            return
        state = history.state_at(size)
        while state is not None and state.repair < history.state.repair and state.size < history.durable:
            state = history.state_at(state.size + 1)  # nobody accepts less than the repair that was stated for
        if state is None or state.policy is None:
            return
        self.peers.enrol(state.policy)
        self.round = Round(state, self._clock())
        self._count_known()
        for peer in self.peers.connected():
            self.offer(peer)

    def _count_known(self) -> None:
        """Count accepts that came before: after a restart, or for a head that is cosigned again."""
        if self.round is not None:
            for accept in self._accepts.values():
                if accept.size == self.round.size:
                    self.round.take_accept(accept)

    def offer(self, peer: Peer, *, again: bool = False) -> None:
        """Give a node what it lacks towards the round's head, or the cosigned one, a step at a time."""
        current, history = self.round, self.history
        if not peer.reported or not peer.connected or peer.name not in witnesses(history.state):
            return
        if peer.diverged and history.root_at(peer.size) == peer.root:
            peer.diverged = False
        if current is not None and peer.name in current.accepts:
            if current.accepted and (again or peer.name not in current.asked):
                self._ask_cosign(current, peer.name)
            return
        target = (current or history.cosigned).size
        if not peer.rejoined and not peer.diverged and peer.size >= target:
            return  # it holds all, and speaks for it once it has rejoined
        now, (last, start, end) = self._clock(), peer.offered
        if not again and (start, end) == (peer.size, target) and now - last < RESEND_MS:
            return
        frame = append_frame(history, self._log, peer, current, self._accepts.values(), vouch=again)
        if frame is not None:
            peer.offered = (now, peer.size, target)
            self._transport.send(peer.name, frame)

    def _ask_cosign(self, current: Round, node: str) -> None:
        if node in current.lines:
            return
        current.asked[node] = self._clock()
        accepts = [accept.to_doc() for accept in current.accepts.values()]
        head = {"size": current.size, "root": current.state.root.hex(), "accepts": accepts}
        self._transport.send(node, Frame("cosign", COORDINATOR, node, head))

    def take_accept(self, peer: Peer, accept: Accept) -> None:
        """A node has accepted a head: count it, lead it on, ask for cosignatures once there are q."""
        if accept.node != peer.name or self.history.root_at(accept.size) != accept.root:
            return self.ask_head(peer)
        peer.diverged, peer.size = False, accept.size
        self.tell_note(peer)
        current = self.round
        if current is None or accept.size < current.size:
            return self.offer(peer)
        had = current.accepted
        if not current.take_accept(accept):
            return None
        self._accepts[peer.name] = accept
        if current.accepted:
            for node in list(current.accepts) if not had else [peer.name]:
                if node not in current.asked:
                    self._ask_cosign(current, node)
            if not had:
                for other in self.peers.connected():
                    if other.diverged:
                        self.offer(other)
        return None

    def take_cosignature(self, peer: Peer, size: int, line: str) -> None:
        """A node has cosigned the round's head: with q of them the head is final."""
        current = self.round
        if current is None or not current.take_line(peer.name, size, line) or not current.cosigned:
            return
        self.round = None
        note = current.note(self._key)
        self._last_note = self._clock()
        self.history.advance(current.size, note)
        self._log.put_note(current.size, note)
        for other in self.peers.connected():
            self.tell_note(other)
        for listener in self.on_cosigned:
            listener()
        self.begin_due()

    def tell_note(self, peer: Peer) -> None:
        """Give a node the newest note once it can hold all that the note covers, whatever it has behind that."""
        history = self.history
        if history.note and peer.size >= history.cosigned.size and peer.told != history.note:
            peer.told = history.note
            self._transport.send(peer.name, Frame("checkpoint", COORDINATOR, peer.name, {"note": history.note}))

    # --- refusals ----------------------------------------------------------------------------------------

    def take_refusal(self, peer: Peer, no: No) -> None:
        """A node refuses to append or to cosign: lead it, wait, or drop the tail that it is right about."""
        current = self.round
        if no.code in ("log.gap", "checkpoint.not_extending"):
            return self.ask_head(peer)
        if current is None or (no.what == "append" and no.code.startswith(WAITING)):
            return None
        if no.code == "time.outside_skew" and peer.name not in current.refusals and current.vouched:
            current.refusals[peer.name] = no
            return self.offer(peer, again=True)
        current.refusals[peer.name] = no
        if no.what == "append" and current.lost("append"):
            # A moment for the others, so that everybody's reason is told.
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._drop, current)
        elif no.what == "cosign" and current.lost("cosign"):
            self._widen(current)
        return None

    def _widen(self, current: Round) -> None:
        """A stop that was not logged yet may be the reason: go on with a round that holds what came since."""
        if self.history.durable > current.size:
            self.round = None
            self.begin()

    def _drop(self, current: Round) -> None:
        """Cut the tail that the witnesses refuse, and sequence again what still applies, with new times."""
        if self.round is not current or not current.lost("append"):
            return None
        nos = {name: no for name, no in current.refusals.items() if no.what == "append"}
        stale = all(no.code == "time.outside_skew" for no in nos.values())
        base = self.history.cosigned.size
        holders = {name for name, accept in self._accepts.items() if accept.size > base}
        holders |= {peer.name for peer in self.peers if peer.size > base and not peer.diverged}
        now = self._clock()
        if current.blocked(holders):
            return None  # those who accepted it could not follow another branch: keep asking
        if stale and now - self._last_retime < RETIME_MS:
            return None
        self._last_retime = now if stale else self._last_retime
        tail = range(self.history.cosigned.size, current.size)
        indices = Counter(no.index for no in nos.values() if no.index in tail)
        if stale:
            return self.replace_tail(())
        # More than n-q >= f have refused: at least one of those who name the most named entry is honest.
        named = indices.most_common(1)[0][0] if indices else -1
        return self.replace_tail((), named, {n: no for n, no in nos.items() if named in (-1, no.index)})

    def replace_tail(
        self,
        adopted: Iterable[Entry],
        refused: int | None = None,
        nos: Mapping[str, No] | None = None,
        without: Collection[str] = (),
    ) -> None:
        """Cut the tail, put adopted entries as they are, then the old ones that still apply, with new times.

        `refused`: the index that witnesses refuse (-1: they name none, so nothing is kept), and their refusals;
        `without`: the kinds that are not tried again.
        """
        history = self.history
        base, self.round = history.cosigned.size, None
        dropped = history.drop_tail()
        self._accepts.clear()
        for cut in self.on_cut:
            cut()
        for peer in self.peers:
            peer.diverged, peer.offered = peer.diverged or peer.size > base, (0, 0, 0)
        for entry in adopted:
            index = history.put(entry, self._stored)
            for listener in self.on_entry:
                listener(index, entry)
        kept = {entry.leaf for entry in history.tail(base, history.state.size)}
        for index, entry in enumerate(dropped, base):
            if refused is not None and refused in (-1, index):
                self._tell_refused(entry, nos or {})
            elif entry.leaf not in kept and entry.kind not in without:
                try:
                    self.submit(entry.kind, entry.body, entry.evidence)
                except StrongroomError as error:
                    self._tell_refused(entry, {COORDINATOR: No("append", error.code, error.message, index)})
        for peer in self.peers.connected():
            self.ask_head(peer)
        self._hurry = history.state.size

    def repair(self, kept: Sequence[Entry], number: int, evidence: Iterable[Envelope], lost: Iterable[Entry]) -> None:
        """Go on with a `log.repaired` behind `kept`, which follow the cosigned head; then sequence again what was lost.

        Not a change of the witnesses: it may be what no quorum could finish, and is ordered again. Raises what the fold
        raises, and then nothing has changed.
        """
        state = reduce(apply, kept, self.history.cosigned)
        body = {"number": number, "base": {"size": state.size, "root": state.root.hex()}}
        entry = new_entry("log.repaired", max(self._clock(), state.time), body, evidence)
        apply(state, entry)
        self.replace_tail([*kept, entry], without=tuple(ORDERS))
        for each in lost:
            if each.kind in ORDERS:
                continue
            try:
                self.submit(each.kind, each.body, each.evidence)
            except StrongroomError:
                continue  # it is there already, or does not apply on this branch

    def _tell_refused(self, entry: Entry, nos: Mapping[str, No]) -> None:
        for listener in self.on_refused:
            listener(entry, nos)

    # --- time --------------------------------------------------------------------------------------------

    def ask_head(self, peer: Peer) -> None:
        """Ask a node where it stands."""
        self._transport.send(peer.name, Frame("head.ask", COORDINATOR, peer.name, {}))

    def tick(self) -> None:
        """Twice a second: repeat what was not answered, widen a stalled round, keep an idle head fresh."""
        now, current, history = self._clock(), self.round, self.history
        if current is not None:
            for peer in self.peers.connected():
                last = max(peer.offered[0], current.asked.get(peer.name, 0))
                if now - last >= RESEND_MS:
                    self.offer(peer, again=True)
            ahead = history.durable > current.size
            if now - current.started >= STALLED_MS and ahead and not current.accepted:
                self.round = None
                self.begin()
            return
        if not self.ready:
            return
        if history.durable > history.cosigned.size:
            if self._timer is None:
                self.begin()
            self.begin_due()
        elif history.cosigned.policy is not None and now - self._last_note >= IDLE_MS:
            self._last_note = now
            self.round = Round(history.cosigned, now, idle=True)
            self._count_known()
            for peer in self.peers.connected():
                self.offer(peer)

    def noted(self, size: int, note: str) -> None:
        """A quorum-cosigned note came from elsewhere: keep it and go on from there."""
        self._last_note = self._clock()
        self._log.put_note(size, note)
        for listener in self.on_cosigned:
            listener()
