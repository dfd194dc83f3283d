"""Types of the core (`rust/binding`); for threshold keys use `strongroom.keys`, not this module."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, final

def parse(data: bytes, max_depth: int) -> dict[str, Any] | None:
    """The object in canonical JSON bytes, or None where they are not canonical (or deeper than 64)."""

def memory() -> tuple[int, int, int]:
    """Bytes that hold secrets: in locked pages, in pages that were not locked, and outside for want of room."""

def grow(size: int, peaks: Sequence[bytes], leaf: bytes) -> tuple[int, bytes, bytes]:
    """One more leaf behind `size` others: (how many peaks stay, the peak behind them, the root)."""

def keccak256(data: bytes) -> bytes:
    """Ethereum's hash."""

def prepare(
    raws: Sequence[bytes], keys: Mapping[str, bytes], accounts: set[str]
) -> tuple[list[tuple[dict[str, Any], bytes] | None], list[bytes]]:
    """Each entry as (document, leaf hash), None where not canonical; and proofs of valid signatures.

    `keys` (key id → public key) are looked for in envelopes, `accounts` in a body's `signature` over its `digest`.
    What a proof is: `strongroom.documents.proofs`.
    """

class CoreError(Exception):
    """args: (code: str, message: str, culprits: tuple[int, ...])"""

@final
class KeyInfo:
    """Public facts of a key and of party `index`'s share.

    `public_key`: 33 bytes compressed (ECDSA), 32 bytes (Ed25519), 32 bytes x-only (BIP-340: the key that
    signatures verify under; as a taproot wallet's key it is the internal key, BIP-341).
    `verifying_shares`: x_i*G of parties 1..n. `chain_code`: BIP-32, for ECDSA only.
    """

    @property
    def scheme(self) -> str: ...
    @property
    def epoch(self) -> int: ...
    @property
    def index(self) -> int: ...
    @property
    def n(self) -> int: ...
    @property
    def t(self) -> int: ...
    @property
    def public_key(self) -> bytes: ...
    @property
    def verifying_shares(self) -> tuple[bytes, ...]: ...
    @property
    def chain_code(self) -> bytes | None: ...
    @property
    def transcript(self) -> bytes: ...

@final
class Keygen:
    @property
    def info(self) -> KeyInfo: ...
    @property
    def sealed(self) -> bytes: ...

@final
class Signature:
    @property
    def bytes(self) -> bytes: ...
    @property
    def recovery_id(self) -> int | None: ...

@final
class Session:
    @property
    def next_step_is_probe(self) -> bool: ...
    def step(
        self, inbox: list[tuple[int, bool, bytes]]
    ) -> tuple[list[tuple[int | None, bytes]], Keygen | Signature | None]: ...

@final
class Vault:
    @staticmethod
    def open(directory: str | PathLike[str]) -> Vault: ...
    def keygen(self, scheme: str, session_id: bytes, index: int, n: int, t: int, epoch: int) -> Session: ...
    def sign(
        self,
        sealed: bytes,
        session_id: bytes,
        participants: list[int],
        message: bytes,
        path: list[int],
        epoch: int,
    ) -> Session: ...
    def refresh(self, sealed: bytes, session_id: bytes, epoch: int) -> Session: ...
    def inspect(self, sealed: bytes) -> KeyInfo: ...
    def forget(self) -> None: ...
