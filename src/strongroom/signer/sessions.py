"""Running threshold sessions: carries messages between the core and the peers, and keeps the core's rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_hash
from strongroom.errors import Refused, StrongroomError
from strongroom.keys.threshold import CoreRefused, Keygen, Message, Session, Signature, Step
from strongroom.signer.probes import Probes, Root
from strongroom.wire.channel import Channel
from strongroom.wire.frame import Frame

TIMEOUT: Final = {"sign": 15_000, "possession": 15_000, "keygen": 60_000, "refresh": 60_000}  # ms
SIGNING: Final = ("sign", "possession")
MOST: Final = 64  # sessions at once
EARLY_FRAMES: Final = 64  # that one peer may send ahead of the coordinator's request
EARLY_BYTES: Final = 8 << 20


Refusing = Callable[[str, str, StrongroomError], None]
"""Tells the coordinator that a request (what, ref) is refused."""


@dataclass(slots=True)
class Job:
    """One session of this node: what it is for, with whom, and how far it has come."""

    what: str
    ref: str
    session: str  # 32 bytes in hex
    root: Root
    core: Session
    indices: Mapping[str, int]  # of the peers
    channels: Mapping[str, Channel]
    deadline: int
    permit: Callable[[], None]  # raises when it must not go on
    finish: Callable[[Keygen | Signature], None]
    received: dict[str, dict[int, Message]] = field(default_factory=lambda: defaultdict(dict))
    probed: bool = False  # recorded as in flight; a restart between its phases counts it, too
    taken: int = 0  # messages of each peer that the core has had
    sent: int = 0  # messages that each peer was sent
    each: int = 0  # messages that each peer sends in the round awaited


class Sessions:
    """All sessions of a process; they die with it."""

    def __init__(self, name: str, probes: Probes, send: Callable[[Frame], None], refuse: Refusing) -> None:
        self._name, self._probes, self._send, self._refuse = name, probes, send, refuse
        self._jobs: dict[str, Job] = {}
        self._early: list[tuple[int, Frame]] = []
        self._begun: set[str] = set()  # of this boot, but for those whose signature is stored: an id serves one run

    def running(self, session: str) -> bool:
        """Whether this very session runs, or has run in this boot: a retry takes a new nonce."""
        return session in self._begun

    def start(self, job: Job) -> None:
        """Run a session's first step; a running one for the same purpose gives way. Raises Refused."""
        for old in [j for j in self._jobs.values() if (j.what, j.ref) == (job.what, job.ref)]:
            self._close(old)
        if len(self._jobs) >= MOST:
            raise Refused("session.too_many", f"{MOST} sessions run")
        self._jobs[job.session] = job
        self._begun.add(job.session)
        self._step(job, [])
        early = [frame for _, frame in self._early if frame.head["session"] == job.session]
        self._early = [pair for pair in self._early if pair[1].head["session"] != job.session]
        for frame in early:
            self.on_peer(frame, 0)

    def on_peer(self, frame: Frame, now: int) -> None:
        """A peer's sealed message; one ahead of the request is kept, within bounds. Raises Refused, InvalidInput."""
        head = fields(frame.head, "peer", {"session": str, "seq": int})
        job = self._jobs.get(parse_hash(head["session"]))
        if job is None:
            mine = [old for _, old in self._early if old.sender == frame.sender]
            room = EARLY_BYTES - sum(len(old.body) for old in mine)
            if len(mine) < EARLY_FRAMES and len(frame.body) <= room:
                self._early.append((now, frame))
            return
        try:
            if frame.sender not in job.channels:
                raise Refused("session.sender", f"'{frame.sender}' takes no part in this session")
            seq, received = head["seq"], job.received[frame.sender]
            # Nobody can be further ahead than one round, of at most two messages.
            if job.taken <= seq < job.taken + job.each + 2 and seq not in received:
                broadcast, data = job.channels[frame.sender].open(seq, frame.body)
                received[seq] = Message(job.indices[frame.sender], broadcast, data)
        except StrongroomError as error:  # anybody may have sent it: the session goes on
            self._refuse(job.what, job.ref, error)
        while job.session in self._jobs and all(self._has(job, peer) for peer in job.channels):
            numbers = range(job.taken, job.taken + job.each)
            job.taken += job.each
            self._step(job, [job.received[peer].pop(seq) for peer in job.channels for seq in numbers])

    def tick(self, now: int) -> None:
        """End what has taken too long: a silent peer is no probe."""
        for job in [job for job in self._jobs.values() if now >= job.deadline]:
            silent = [peer for peer in job.channels if not self._has(job, peer)]
            self._close(job)
            self._refuse(job.what, job.ref, PeersRefused("session.timeout", "the session took too long", silent))
        self._early = [(time, frame) for time, frame in self._early if now - time < TIMEOUT["sign"]]

    def _has(self, job: Job, peer: str) -> bool:
        return all(seq in job.received[peer] for seq in range(job.taken, job.taken + job.each))

    def _step(self, job: Job, inbox: list[Message]) -> None:
        peers = {index: peer for peer, index in job.indices.items()}
        try:
            job.permit()
            probing = job.core.next_step_is_probe
            if probing and not job.probed:
                self._probes.begin(job.session, job.root, job.channels)
                job.probed = True
            try:
                step = job.core.step(inbox)
            except CoreRefused as error:
                culprits = [peers[index] for index in error.culprits if index in peers]
                if error.bars and job.what in SIGNING:
                    self._probes.ban(job.session, job.root, culprits or peers.values(), error.code)
                elif probing and error.code.startswith("core."):
                    self._probes.doubt(job.root, peers.values())  # it may have stopped where a probe aims
                raise PeersRefused(error.code, error.message, culprits) from None
            self._deliver(job, step, peers)
            if step.done is not None:
                self._close(job)
                job.finish(step.done)
                if job.what in SIGNING:
                    self._begun.discard(job.session)
        except StrongroomError as error:
            self._close(job)
            self._refuse(job.what, job.ref, error)

    def _deliver(self, job: Job, step: Step, peers: Mapping[int, str]) -> None:
        before = job.sent
        for peer in job.channels:
            seq = before
            for out in step.outgoing:
                if out.recipient is None or peers.get(out.recipient) == peer:
                    body = job.channels[peer].seal(seq, out.recipient is None, out.data)
                    self._send(Frame("peer", self._name, peer, {"session": job.session, "seq": seq}, body))
                    seq += 1
            job.sent = max(job.sent, seq)
        job.each = job.sent - before

    def _close(self, job: Job) -> None:
        if self._jobs.pop(job.session, None) and job.probed:
            self._probes.end(job.session)


class PeersRefused(Refused):
    """A session that ended because of peers, by name."""

    def __init__(self, code: str, message: str, culprits: Sequence[str]) -> None:
        super().__init__(code, message)
        self.culprits = list(culprits)
