"""Parties of one threshold key side by side, and the carrying of their messages."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strongroom.chains.verify import verify_signature
from strongroom.keys.threshold import Keygen, Message, Scheme, Session, Signature, Vault


@dataclass(frozen=True, slots=True)
class Group:
    """The vaults and sealed shares of one key's parties, by index."""

    scheme: Scheme
    keys: Mapping[int, Keygen]
    vaults: Mapping[int, Vault]

    def sign(self, signers: tuple[int, ...], digest: bytes) -> bytes:
        """A signature by these parties, 64 bytes."""
        session = secrets.token_bytes(32)
        sealed = {index: self.keys[index].sealed for index in signers}
        results = drive({i: self.vaults[i].sign(sealed[i], session, signers, digest) for i in signers})
        first = results[signers[0]]
        assert isinstance(first, Signature)
        return first.data

    def verify(self, digest: bytes, signature: bytes) -> None:
        """Raises Refused unless the signature is the key's, by another library than the one that made it."""
        verify_signature(self.scheme, next(iter(self.keys.values())).public_key, digest, signature)


def generate(scheme: Scheme, t: int, n: int, home: Path) -> Group:
    """A new key among n parties, each with a vault of its own under `home`."""
    vaults = {}
    for index in range(1, n + 1):
        directory = home / str(index)
        directory.mkdir(parents=True, mode=0o700)
        vaults[index] = Vault.open(directory)
    session = secrets.token_bytes(32)
    results = drive({index: vault.keygen(scheme, session, index, n, t) for index, vault in vaults.items()})
    return Group(scheme, {i: result for i, result in results.items() if isinstance(result, Keygen)}, vaults)


def drive(sessions: Mapping[int, Session]) -> dict[int, Keygen | Signature]:
    """Step all sessions round by round until each is done."""
    results: dict[int, Keygen | Signature] = {}
    inboxes: dict[int, list[Message]] = {index: [] for index in sessions}
    while len(results) < len(sessions):
        following: dict[int, list[Message]] = {index: [] for index in sessions}
        for index, session in sessions.items():
            if index in results:
                continue
            step = session.step(inboxes[index])
            for out in step.outgoing:
                for to in sessions if out.recipient is None else (out.recipient,):
                    if to != index:
                        following[to].append(Message(index, out.recipient is None, out.data))
            if step.done is not None:
                results[index] = step.done
        inboxes = following
    return results
