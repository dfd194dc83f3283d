"""Parties of a threshold key in one process, over a network that may lie."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.keys.threshold import CoreRefused, Keygen, Message, Scheme, Session, Signature, Vault

Wire = dict[tuple[int, int], list[Message]]
"""The messages of one round by (sender, receiver)."""

Relay = Callable[[int, Wire], None]


def _honest(number: int, wire: Wire) -> None:
    pass


def run(sessions: dict[int, Session], relay: Relay = _honest) -> dict[int, Keygen | Signature | CoreRefused]:
    """Run to the end; a party that refuses falls silent and the others go on with what arrives."""
    outcomes: dict[int, Keygen | Signature | CoreRefused] = {}
    everyone, wire, number = tuple(sessions), Wire(), 0
    running = dict(sessions)
    while running:
        sent: Wire = {}
        for index, session in tuple(running.items()):
            inbox = [message for (_, to), messages in wire.items() if to == index for message in messages]
            try:
                step = session.step(inbox)
            except CoreRefused as refused:
                outcomes[index] = refused
                del running[index]
                continue
            for out in step.outgoing:
                recipients = [out.recipient] if out.recipient else [i for i in everyone if i != index]
                for to in recipients:
                    message = Message(index, out.recipient is None, out.data)
                    sent.setdefault((index, to), []).append(message)
            if step.done:
                outcomes[index] = step.done
                del running[index]
        number, wire = number + 1, sent
        relay(number, wire)
    return outcomes


@dataclass(frozen=True)
class Group:
    """A key with its vaults and sealed shares."""

    scheme: Scheme
    vaults: dict[int, Vault]
    keys: dict[int, Keygen] = field(default_factory=dict)
    epoch: int = 0

    @property
    def key(self) -> Keygen:
        return self.keys[1]

    def signers(self, participants: Iterable[int], digest: bytes, path: tuple[int, ...] = ()) -> dict[int, Session]:
        session_id, together = secrets.token_bytes(32), tuple(participants)
        return {
            index: self.vaults[index].sign(self.keys[index].sealed, session_id, together, digest, path, self.epoch)
            for index in together
        }

    def refreshed(self) -> Group:
        """The same key in its next epoch."""
        session_id, epoch = secrets.token_bytes(32), self.epoch + 1
        outcomes = run({i: self.vaults[i].refresh(k.sealed, session_id, epoch) for i, k in self.keys.items()})
        keys = {index: outcome for index, outcome in outcomes.items() if isinstance(outcome, Keygen)}
        assert keys.keys() == self.keys.keys(), outcomes
        return Group(self.scheme, self.vaults, keys, epoch)

    def sign(self, participants: Iterable[int], digest: bytes, path: tuple[int, ...] = ()) -> Signature:
        outcomes = set(run(self.signers(participants, digest, path)).values())
        assert len(outcomes) == 1
        (signature,) = outcomes
        assert isinstance(signature, Signature)
        return signature


def generate(scheme: Scheme, n: int, t: int, home: Path, epoch: int = 0) -> Group:
    group = Group(scheme, {index: Vault.open(home / str(index)) for index in range(1, n + 1)})
    session_id = secrets.token_bytes(32)
    outcomes = run({i: v.keygen(scheme, session_id, i, n, t, epoch) for i, v in group.vaults.items()})
    for index, outcome in outcomes.items():
        assert isinstance(outcome, Keygen), outcome
        group.keys[index] = outcome
    return group
