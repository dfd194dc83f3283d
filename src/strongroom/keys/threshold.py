"""Threshold keys: sans-I/O sessions of the Rust core, which alone holds shares, nonces and the seal key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from strongroom import _core
from strongroom.errors import Refused

BLAME = "session.blame"
"""The one code after which the culprits are barred from this root key, durably, before anything is sent."""


class Scheme(StrEnum):
    """How a threshold key signs."""

    ECDSA_DKLS23 = "ecdsa-dkls23"
    ED25519_FROST = "ed25519-frost"
    BIP340_FROST = "bip340-frost"


class CoreRefused(Refused):
    """The core refused; `culprits` are parties whose own authenticated words prove the fault (often none)."""

    def __init__(self, code: str, message: str, culprits: tuple[int, ...] = ()) -> None:
        super().__init__(code, message)
        self.args = (code, message, culprits)  # so that the error survives pickling
        self.culprits = culprits

    @property
    def bars(self) -> bool:
        """Whether the culprits may have probed oblivious-transfer state and must be barred."""
        return self.code == BLAME


@dataclass(frozen=True, slots=True)
class Message:
    """An authenticated, decrypted message of party `sender`."""

    sender: int
    broadcast: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to one party, or (recipient None) the same bytes to every other participant."""

    recipient: int | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Keygen:
    """A key that every participant confirmed; `sealed` is this party's share, readable by its vault only."""

    public_key: bytes
    verifying_shares: tuple[bytes, ...]
    chain_code: bytes | None
    transcript: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """64 bytes that verified under the key: r||s, low s, with a recovery id (ECDSA); Schnorr; or Ed25519."""

    data: bytes
    recovery_id: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """What a step yields: messages for the peers, and at the end the result."""

    outgoing: tuple[Outgoing, ...]
    done: Keygen | Signature | None


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except _core.CoreError as error:
        code, message, culprits = error.args
        raise CoreRefused(code, message, culprits) from None
    except OverflowError:
        raise CoreRefused("core.argument", "an integer is out of range") from None


def unprotected() -> int:
    """Bytes of the core's memory for secrets that the kernel does not keep locked (ulimit -l), up to now."""
    _, unlocked, outside = _core.memory()
    return unlocked + outside


class Session:
    """One run of a protocol: `step([])` first, then each complete round; any refusal ends it for good."""

    __slots__ = ("_session",)

    def __init__(self, session: _core.Session) -> None:
        self._session = session

    @property
    def next_step_is_probe(self) -> bool:
        """Whether the next step's abort could tell a peer one bit: record "in flight" durably before it."""
        with _refusals():
            return self._session.next_step_is_probe

    def step(self, inbox: Sequence[Message]) -> Step:
        """Take one complete round of messages; raises CoreRefused."""
        with _refusals():
            outgoing, done = self._session.step([(m.sender, m.broadcast, m.data) for m in inbox])
        return Step(tuple(Outgoing(recipient, data) for recipient, data in outgoing), _result(done))


def _result(done: _core.Keygen | _core.Signature | None) -> Keygen | Signature | None:
    if isinstance(done, _core.Signature):
        return Signature(done.bytes, done.recovery_id)
    if isinstance(done, _core.Keygen):
        info = done.info
        return Keygen(info.public_key, info.verifying_shares, info.chain_code, info.transcript, done.sealed)
    return None


class Vault:
    """One signer's directory: its seal key is made and read by the core (0600) and never reaches Python.

    The core's random generator does not reseed on fork: start roles by exec, never fork after first use.
    """

    __slots__ = ("_vault",)

    def __init__(self, vault: _core.Vault) -> None:
        self._vault = vault

    @classmethod
    def open(cls, directory: Path) -> Vault:
        """Open or create a vault; raises CoreRefused vault.* (key file readable by others, malformed, …)."""
        with _refusals():
            return cls(_core.Vault.open(directory))

    def keygen(self, scheme: Scheme, session_id: bytes, index: int, n: int, t: int, epoch: int = 0) -> Session:
        """Start key generation as party `index` of 1..n, threshold t (t >= 2, n >= 2t-1)."""
        with _refusals():
            return Session(self._vault.keygen(scheme.value, session_id, index, n, t, epoch))

    def sign(
        self,
        sealed: bytes,
        session_id: bytes,
        participants: Sequence[int],
        digest: bytes,
        path: Sequence[int] = (),
        epoch: int = 0,
    ) -> Session:
        """Start a signature by exactly t ascending `participants`; `path` is non-hardened BIP-32, ECDSA only.

        `digest` has 32 bytes and is fixed here; an Ed25519 key signs a message (1 to 65,536 bytes) instead.
        """
        with _refusals():
            started = self._vault.sign(sealed, session_id, list(participants), digest, list(path), epoch)
            return Session(started)

    def refresh(self, sealed: bytes, session_id: bytes, epoch: int) -> Session:
        """Start a refresh among all parties to the share's next epoch: same shares, fresh state (DKLs23 only)."""
        with _refusals():
            return Session(self._vault.refresh(sealed, session_id, epoch))

    def inspect(self, sealed: bytes) -> _core.KeyInfo:
        """The public facts of a sealed share, after it authenticated and x*G was checked."""
        with _refusals():
            return self._vault.inspect(sealed)

    def forget(self) -> None:
        """Wipe every opened share from memory; sealed ones open again when needed."""
        with _refusals():
            self._vault.forget()
