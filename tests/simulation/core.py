"""A deterministic double of the threshold core: the same interface, rounds and refusals, and no cryptography.

It holds the whole key of the test workspace. A party's message of a round is a hash that its peers can compute, so a
false one shows; what the real core refuses as misuse the double refuses with the same code (tests compare the two).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from coincurve import PrivateKey
from coincurve._libsecp256k1 import ffi
from coincurve.ecdsa import der_to_cdata, serialize_compact

from strongroom.keys.threshold import BLAME, CoreRefused, Keygen, Message, Outgoing, Scheme, Signature, Step

ROUNDS: Final = 3  # of messages; the step after the last yields the result
HEADER: Final = 33  # session id and round


class Observer(Protocol):
    """Who is told when a party gives away what can complete a signature."""

    def contributes(self, index: int, session: bytes, digest: bytes, participants: Sequence[int]) -> None:
        """Called before the last-round message leaves the core."""


@dataclass
class Core:
    """One node's vault: index 1..n of a key whose secret is `secret`; a `cheat` spoils its own messages of a round."""

    secret: bytes
    observer: Observer
    cheat: Callable[[bytes], int] = lambda session: 0
    """The round (1 or 2; 0: none) whose message this party spoils in a session: it probes its peers."""

    def keygen(self, scheme: Scheme, session_id: bytes, index: int, n: int, t: int, epoch: int = 0) -> DoubleSession:
        """Key generation: all parties end with the same key; `sealed` says whose share it is."""
        if not 2 <= t <= (n + 1) // 2:
            raise CoreRefused("key.parameters", "need t >= 2 and 2t - 1 <= n")
        public = PrivateKey(self.secret).public_key.format()
        transcript = hashlib.sha256(b"transcript" + session_id).digest()
        done = Keygen(public, (public,) * n, b"\x11" * 32, transcript, b"%d %d %d" % (index, n, epoch))
        return DoubleSession(index, tuple(range(1, n + 1)), session_id, b"", lambda: done, self, probes=False)

    def refresh(self, sealed: bytes, session_id: bytes, epoch: int) -> DoubleSession:
        """A refresh among all parties to the share's next epoch."""
        index, n, made = map(int, sealed.split())
        if epoch != made + 1:
            raise CoreRefused("key.epoch", f"share of epoch {made}, refreshed to {epoch}")
        return self.keygen(Scheme.ECDSA_DKLS23, session_id, index, n, 2, epoch)

    def forget(self) -> None:
        """There is nothing to wipe."""

    def sign(
        self, sealed: bytes, session_id: bytes, participants: Sequence[int], digest: bytes, path: Sequence[int] = (),
        epoch: int = 0,
    ) -> DoubleSession:  # fmt: skip
        """A signature by ascending participants; another session of the same digest makes another signature."""
        index, n, made = map(int, sealed.split())
        together = tuple(participants)
        if made != epoch:
            raise CoreRefused("key.epoch", f"share of epoch {made}, asked for {epoch}")
        if len(digest) != 32:
            raise CoreRefused("session.digest", "ECDSA signs a digest of 32 bytes")
        ascending = list(together) == sorted(set(together)) and set(together) <= set(range(1, n + 1))
        if len(together) != 2 or not ascending or index not in together:
            raise CoreRefused("session.participants", "exactly t ascending participants sign")

        def finish() -> Signature:
            nonce = ffi.new("unsigned char[32]", session_id)
            der = PrivateKey(self.secret).sign(digest, hasher=None, custom_nonce=(ffi.NULL, nonce))
            return Signature(serialize_compact(der_to_cdata(der)), 0)

        return DoubleSession(index, together, session_id, digest, finish, self, probes=True)


@dataclass
class DoubleSession:
    """Three rounds; in the second and third step a peer's false message is a probe and is blamed."""

    index: int
    participants: tuple[int, ...]
    session: bytes
    digest: bytes
    result: Callable[[], Keygen | Signature]
    core: Core
    probes: bool
    round: int = 0
    over: bool = False
    peers: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.session) != 32:
            raise CoreRefused("core.argument", "a session id has 32 bytes")
        self.peers = tuple(peer for peer in self.participants if peer != self.index)

    @property
    def next_step_is_probe(self) -> bool:
        """Whether the next step's abort could tell a peer something."""
        return self.probes and not self.over and self.round in (1, 2)

    def step(self, inbox: Sequence[Message]) -> Step:
        """Take one complete round; raises CoreRefused, and then the session is over."""
        if self.over:
            raise CoreRefused("session.finished", "this session has ended; start another")
        self.over = True
        self._check(inbox)
        self.round += 1
        if self.round > ROUNDS:
            return Step((), self.result())
        self.over = False
        data = self._message(self.index, self.round)
        if self.probes and self.core.cheat(self.session) == self.round:
            data = data[:-1] + bytes([data[-1] ^ 1])
        if self.round == ROUNDS:
            if self.probes:
                self.core.observer.contributes(self.index, self.session, self.digest, self.participants)
            return Step((Outgoing(None, data),), None)
        return Step(tuple(Outgoing(peer, data) for peer in self.peers), None)

    def _check(self, inbox: Sequence[Message]) -> None:
        awaited = self.peers if self.round else ()
        seen: set[int] = set()
        for message in inbox:
            if message.sender not in self.peers:
                raise CoreRefused("session.sender", "a message of nobody who takes part")
            if message.sender in seen:
                raise CoreRefused("session.duplicate", "two messages of one party")
            seen.add(message.sender)
            if len(message.data) < HEADER:
                raise CoreRefused("session.malformed", "message shorter than its header")
            if message.data[:32] != self.session:
                raise CoreRefused("session.wrong_session", "a message of another session")
            if message.data[32] != self.round:
                raise CoreRefused("session.wrong_round", "a message of another round")
        if len(seen) != len(awaited):
            raise CoreRefused("session.count", f"{len(seen)} of {len(awaited)} messages")
        for message in inbox:
            if message.data != self._message(message.sender, self.round):
                if self.probes and self.round in (1, 2):
                    raise CoreRefused(BLAME, "the consistency check failed", (message.sender,))
                raise CoreRefused("session.signature", "the messages do not fit together")

    def _message(self, sender: int, number: int) -> bytes:
        body = hashlib.sha256(self.session + self.digest + bytes([number, sender])).digest()
        return self.session + bytes([number]) + body
