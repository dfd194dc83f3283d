"""The next `append` for a node: from where it stands towards the round's head, with what vouches for old times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from strongroom.coordinator.history import MOST_CHUNK, History
from strongroom.coordinator.peers import Peer
from strongroom.coordinator.rounds import Round
from strongroom.log.accept import Accept
from strongroom.store.log import LogStore
from strongroom.wire.frame import Frame, join_entries
from strongroom.wire.handshake import COORDINATOR

MOST_BYTES: Final = 6 << 20
"""Of entries in one frame."""
OLD_MS: Final = 60_000


def append_frame(
    history: History, log: LogStore, peer: Peer, current: Round | None, known: Iterable[Accept], *, vouch: bool
) -> Frame | None:
    """The frame, or None while the node can only wait: its own tail conflicts, q have not accepted ours, and ours
    stands on no higher repair."""
    base = history.cosigned.size
    start = min(peer.noted, base)  # what a quorum has cosigned is common to all
    if peer.diverged and history.note and (peer.repair, peer.size) <= (history.cosigned.repair, base):
        return _append(peer, history, start, base, history.note, ())
    if current is None:
        if peer.diverged or peer.size >= base:
            return None  # the next round shows it what it lacks
        return _catch_up(history, log, peer)
    if peer.diverged:
        behind, repair = peer.repair < current.state.repair, current.state.repair
        follows = current.accepted and peer.size <= current.size and peer.cosigned <= base
        if peer.repair > repair or not (behind or follows):
            return None
        return _append(peer, history, start, current.size, history.note, current.accepts.values())
    if peer.size >= base:
        # One entry that it holds already goes along, so that the answer is an accept in any case.
        start = min(peer.size, current.size - 1)
        fresh = history.tail(max(start, base), current.size)
        old = bool(fresh) and current.started - fresh[0].time > OLD_MS
        accepts = [a for a in known if a.size <= current.size] if vouch or old else []
        return _append(peer, history, start, current.size, history.note if vouch or old else "", accepts)
    return _catch_up(history, log, peer)


def _catch_up(history: History, log: LogStore, peer: Peer) -> Frame:
    """To the newest noted size within reach: its note vouches for the times up to there."""
    base = history.cosigned.size
    found = log.note_within(peer.size, min(base, peer.size + MOST_CHUNK))
    end, note = found if found is not None and found[0] < base else (base, history.note)
    return _append(peer, history, peer.size, end, note, ())


def _append(peer: Peer, history: History, start: int, end: int, note: str, accepts: Iterable[Accept]) -> Frame:
    head = {"from": start, "note": note, "accepts": [accept.to_doc() for accept in accepts]}
    raws = history.raw(start, min(end, start + 16 * MOST_CHUNK))
    return Frame("append", COORDINATOR, peer.name, head, join_entries(_fitting(raws)))


def _fitting(raws: Iterable[bytes]) -> Iterator[bytes]:
    """As many as a frame holds: the node's answer asks for the others."""
    room = MOST_BYTES
    for raw in raws:
        room -= len(raw) + 4
        if room < 0:
            return
        yield raw
