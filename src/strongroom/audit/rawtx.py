"""Signed transactions of any kind as they stand on an EVM chain: who sent them, and what was signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp  # type: ignore[import-untyped]
from coincurve import PublicKey

from strongroom.chains.evm.address import address_of
from strongroom.documents.keccak import keccak256
from strongroom.errors import InvalidInput

_NONCE_AT = {1: 1, 2: 1, 3: 1, 4: 1}  # EIP-2930, 1559, 4844, 7702: behind the chain id


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction: its hash, its sender's address (lower-case hex) and nonce, and the 32 bytes that were signed."""

    txid: str
    sender: str
    nonce: int
    digest: bytes


def parse_sent(raw: bytes) -> Sent:
    """The sender recovered from the bytes alone; raises InvalidInput chain.transaction."""
    try:
        return _legacy(raw) if raw[0] >= 0xC0 else _typed(raw)
    except InvalidInput:
        raise
    except Exception as error:  # coincurve raises a bare Exception where no key has signed so
        raise InvalidInput("chain.transaction", "the bytes are no signed transaction") from error


def _typed(raw: bytes) -> Sent:
    """EIP-2718: the type, and a list whose last three items are parity, r and s."""
    items: list[Any] = rlp.decode(raw[1:])
    digest = keccak256(raw[:1] + rlp.encode(items[:-3], infer_serializer=False))
    return _sent(raw, items[_NONCE_AT[raw[0]]], digest, _number(items[-3]), items[-2:])


def _legacy(raw: bytes) -> Sent:
    """Nine items; since EIP-155 v is 35 + 2 * chain id + parity and the chain id is signed, before it 27 + parity."""
    items: list[Any] = rlp.decode(raw)
    if len(items) != 9:
        raise ValueError
    v, signed = _number(items[6]), list(items[:6])
    if v >= 35:
        chain = (v - 35) // 2
        signed += [chain.to_bytes((chain.bit_length() + 7) // 8, "big"), b"", b""]
    digest = keccak256(rlp.encode(signed, infer_serializer=False))
    return _sent(raw, items[0], digest, (v - 35) % 2 if v >= 35 else v - 27, items[7:])


def _sent(raw: bytes, nonce: bytes, digest: bytes, parity: int, scalars: list[bytes]) -> Sent:
    signature = b"".join(scalar.rjust(32, b"\0") for scalar in scalars) + bytes([parity])
    key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    return Sent("0x" + keccak256(raw).hex(), address_of(key.format()), _number(nonce), digest)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
