"""What the nodes hold and the coordinator does not: found from their heads, fetched, folded, adopted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from strongroom.coordinator.history import valid_note
from strongroom.coordinator.peers import Peer
from strongroom.coordinator.ports import Clock, Transport
from strongroom.coordinator.sequencer import Sequencer
from strongroom.custody.authority import signers_in
from strongroom.custody.fold import apply
from strongroom.custody.state import CustodyState
from strongroom.custody.witnesses import reached, vouched, witnesses
from strongroom.errors import StrongroomError
from strongroom.log.batch import parse_entries
from strongroom.log.checkpoint import Note, parse_note, quorum
from strongroom.log.entry import Entry, parse_entry
from strongroom.wire.frame import Frame, split_entries
from strongroom.wire.handshake import COORDINATOR

CHUNK: Final = 256
PATIENCE_MS: Final = 3_000


class Adoption:
    """Compares heads with our log; at the start nothing is sequenced before q nodes have shown theirs."""

    def __init__(self, sequencer: Sequencer, transport: Transport, clock: Clock, say: Callable[[str], None]) -> None:
        self._sequencer, self._transport, self._clock, self._say = sequencer, transport, clock, say
        self._from: Peer | None = None
        self._target: tuple[int, bytes, int | None, str] = (0, b"", None, "")
        self._entries: list[Entry] = []
        self._state: CustodyState | None = None
        self._base = 0
        self._asked = 0
        self._failed: Counter[str] = Counter()
        """How often a node did not give what it showed: others are asked first."""

    def take_head(self, peer: Peer) -> None:
        """Place a node's head on our log; at once when it holds more that is cosigned, or when q have spoken."""
        history, sequencer = self._sequencer.history, self._sequencer
        ours = history.root_at(peer.size)
        peer.diverged = ours != peer.root  # also when it is longer than ours
        if self._from is None:
            note = self._better_note(peer)
            if note is not None:
                return self._fetch(peer, note.checkpoint.size, note.checkpoint.root, None, peer.note)
            if not sequencer.ready:
                return self._start()
            if self._overtaken():
                return None
        sequencer.tell_note(peer)
        return sequencer.offer(peer)

    def _better_note(self, peer: Peer) -> Note | None:
        """A note of the node above our own cosigned head; an honest witness that we know of has cosigned it.

        Whether a quorum has is seen once its entries are here: they may change the witnesses.
        """
        history = self._sequencer.history
        try:
            note = parse_note(peer.note) if peer.note else None
        except StrongroomError:
            return None
        if note is None or history.state.policy is None or note.checkpoint.size <= history.cosigned.size:
            return None
        if not vouched(history.state, quorum(note, witnesses(history.state))):
            return None
        if history.root_at(note.checkpoint.size) == note.checkpoint.root:
            state = history.state_at(note.checkpoint.size)
            if state is not None and valid_note(state, peer.note) and self._sequencer.round is None:
                history.advance(note.checkpoint.size, peer.note)
                self._sequencer.noted(note.checkpoint.size, peer.note)
            return None
        return note

    def _start(self) -> None:
        """Once q heads are in: the most-held tail of the highest repair is taken, then sequencing begins."""
        sequencer = self._sequencer
        history = sequencer.history
        heads = [peer for peer in sequencer.peers.connected() if peer.reported]
        if history.state.policy is None or not reached(history.state, [peer.name for peer in heads]):
            return
        foreign = self._foreign()
        own = sum(not peer.diverged and peer.size > history.cosigned.size for peer in heads)
        if foreign:
            most = max(foreign.items(), key=lambda item: (item[0][0], len(item[1]), item[0][1]))
            (repair, size, root), holders = most
            if (repair, len(holders)) >= (history.state.repair, max(own, 1)):
                self._fetch(self._likeliest(holders), size, root, repair, "")
                return
        self._ready()

    def _foreign(self) -> dict[tuple[int, int, bytes], list[Peer]]:
        """Who holds which tail that is not ours: (repair, size, root)."""
        cosigned, found = self._sequencer.history.cosigned, dict[tuple[int, int, bytes], list[Peer]]()
        for peer in self._sequencer.peers.connected():
            if peer.reported and peer.diverged and (peer.repair, peer.size) > (cosigned.repair, cosigned.size):
                found.setdefault((peer.repair, peer.size, peer.root), []).append(peer)
        return found

    def _overtaken(self) -> bool:
        """Whether a quorum holds another tail: ours can never be cosigned, and theirs is taken up."""
        for (repair, size, root), holders in self._foreign().items():
            if reached(self._sequencer.history.state, [peer.name for peer in holders]):
                self._fetch(self._likeliest(holders), size, root, repair, "")
                return True
        return False

    def _likeliest(self, holders: list[Peer]) -> Peer:
        return min(holders, key=lambda peer: self._failed[peer.name])

    def _ready(self) -> None:
        sequencer = self._sequencer
        sequencer.ready = True
        self._say(f"sequencing from {sequencer.history.state.size} entries")
        for peer in sequencer.peers.connected():
            sequencer.ask_head(peer)
        sequencer.begin()

    def _fetch(self, peer: Peer, size: int, root: bytes, repair: int | None, note: str) -> None:
        self._from, self._target = peer, (size, root, repair, note)
        self._entries, self._state = [], self._sequencer.history.cosigned
        self._base = self._state.size
        self._say(f"fetching the log up to {size} from {peer.name}")
        self._ask()

    def _ask(self) -> None:
        assert self._from is not None and self._state is not None  # noqa: S101 - set together by _fetch
        self._asked = self._clock()
        limit = min(CHUNK, self._target[0] - self._state.size)
        head = {"from": self._state.size, "limit": limit}
        self._transport.send(self._from.name, Frame("entries.ask", COORDINATOR, self._from.name, head))

    def take_entries(self, peer: Peer, start: int, body: bytes) -> None:
        """Fold what a node gave; adopt it once it reaches the head that was promised."""
        state, (size, root, repair, note) = self._state, self._target
        if peer is not self._from or state is None or start != state.size:
            return None
        try:
            raws = split_entries(body)
            for raw, parsed in zip(raws, parse_entries(raws, signers_in(state)), strict=True):
                entry = parsed or parse_entry(raw)
                state = apply(state, entry)
                self._entries.append(entry)
        except StrongroomError as error:
            return self._give_up(f"{peer.name} gave an entry that does not apply: {error.code}")
        self._state = state
        if not raws or state.size > size:
            return self._give_up(f"{peer.name} does not give the entries of its head")
        if state.size < size:
            return self._ask()
        if state.root != root or repair not in (None, state.repair):
            return self._give_up(f"the entries of {peer.name} are not those of its head")
        if note and not valid_note(state, note):
            return self._give_up(f"no quorum has cosigned the checkpoint that {peer.name} shows")
        sequencer = self._sequencer
        if sequencer.history.cosigned.size != self._base:
            return self._give_up(f"the log has gone on while {peer.name} gave its entries")
        self._from = None
        sequencer.replace_tail(self._entries)
        if note:
            sequencer.history.advance(size, note)
            sequencer.noted(size, note)
        self._say(f"adopted the log up to {size} from {peer.name}")
        if not sequencer.ready:
            self._start() if note else self._ready()
        return None

    def _give_up(self, why: str) -> None:
        self._say(why)
        peer, self._from = self._from, None
        if peer is not None:
            self._failed[peer.name] += 1
            peer.reported = False  # until it shows another head, it is as good as silent
            peer.note = ""

    def tick(self) -> None:
        """Leave a node that does not answer."""
        if self._from is not None and self._clock() - self._asked > PATIENCE_MS:
            self._give_up(f"{self._from.name} does not answer")
        elif self._from is None and not self._sequencer.ready:
            self._start()
