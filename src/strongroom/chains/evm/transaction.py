"""EIP-1559 transactions: exact encoding, strict decoding, digest; and assembly of what is signed with a signature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import rlp  # type: ignore[import-untyped]
from coincurve import PublicKey
from coincurve.utils import GROUP_ORDER_INT
from rlp.codec import consume_length_prefix  # type: ignore[import-untyped]

from strongroom.chains.evm.address import address_of, is_canonical
from strongroom.documents.keccak import keccak256
from strongroom.documents.proofs import proven
from strongroom.errors import Refused

TYPE: Final = 0x02
MESSAGE: Final = b"\x19\x01"
"""How the payload of a typed message begins (EIP-712): no transaction does."""
MAX_PAYLOAD: Final = 65_536

# EIP-2681 for the nonce; a chain id beyond 63 bits could not be signed for in EIP-155's v (EIP-2294).
_LIMITS: Final = {
    "chain_id": 2**63 - 1,
    "nonce": 2**64 - 2,
    "max_priority_fee": 2**256 - 1,
    "max_fee": 2**256 - 1,
    "gas": 2**64 - 1,
    "value": 2**256 - 1,
}
_FIELDS: Final = ("chain id", "nonce", "priority fee", "max fee", "gas", "to", "value", "data", "access list")


@dataclass(frozen=True, slots=True)
class UnsignedTransaction:
    """A type 2 call without access list; fees, value in wei, `to` in lower-case hex; raises payload.range."""

    chain_id: int
    nonce: int
    max_priority_fee: int
    max_fee: int
    gas: int
    to: str
    value: int
    data: bytes

    def __post_init__(self) -> None:
        for field, limit in _LIMITS.items():
            number = getattr(self, field)
            if type(number) is not int or not 0 <= number <= limit:
                raise Refused("payload.range", f"{field} is not an integer from 0 to {limit:#x}")
        if self.chain_id == 0:
            raise Refused("payload.range", "chain id 0 would replay on any chain")
        if self.max_priority_fee > self.max_fee:
            raise Refused("payload.range", "the priority fee is above the maximum fee (EIP-1559)")
        if not is_canonical(self.to):
            raise Refused("payload.range", "the recipient is not an address in lower case")

    @property
    def worst_fee(self) -> int:
        """The most that the transaction can cost beside its value, in wei."""
        return self.gas * self.max_fee


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Bytes ready to broadcast, or a message's signature r || s || v, and the hash that names either: 0x and hex."""

    raw: bytes
    txid: str


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _header(base: int, length: int) -> bytes:
    """What RLP writes before `length` bytes of a string (base 0x80) or of a list (0xc0)."""
    if length < 56:
        return bytes((base + length,))
    size = _number(length)
    return bytes((base + 55 + len(size),)) + size


def _string(data: bytes) -> bytes:
    return data if len(data) == 1 and data[0] < 0x80 else _header(0x80, len(data)) + data


def _items(tx: UnsignedTransaction) -> bytes:
    head = [_number(n) for n in (tx.chain_id, tx.nonce, tx.max_priority_fee, tx.max_fee, tx.gas)]
    strings = (*head, bytes.fromhex(tx.to[2:]), _number(tx.value), tx.data)
    return b"".join(map(_string, strings)) + _header(0xC0, 0)


def _transaction(items: bytes) -> bytes:
    return b"\x02" + _header(0xC0, len(items)) + items


def encode(tx: UnsignedTransaction) -> bytes:
    """The unsigned payload, 0x02 || rlp([chain id, nonce, fees, gas, to, value, data, []]) of EIP-1559."""
    return _transaction(_items(tx))


def _split(payload: bytes) -> list[bytes]:
    """The nine items of a payload; walks flat, so nested lists cost neither stack nor time."""
    try:
        _, kind, length, at = consume_length_prefix(payload, 1)
        if kind is not list or at + length != len(payload):
            raise Refused("payload.syntax", "after the type byte comes exactly one RLP list")
        items: list[bytes] = []
        for field in _FIELDS:
            _, kind, length, at = consume_length_prefix(payload, at)
            if field == "access list" and kind is list and length:
                raise Refused("payload.access_list", "access lists are not allowed")
            if (kind is list) != (field == "access list") or at + length > len(payload):
                raise Refused("payload.syntax", f"{field} has the wrong RLP shape")
            items.append(payload[at : at + length])
            at += length
    except (rlp.DecodingError, IndexError) as error:
        raise Refused("payload.syntax", "the payload is not canonical RLP") from error
    if at != len(payload):
        raise Refused("payload.syntax", "an unsigned type 2 transaction has nine fields")
    return items


@lru_cache(maxsize=1024)  # what is authorized is decoded again when it is signed, and when that is noted
def decode(payload: bytes) -> UnsignedTransaction:
    """The transaction of a payload that encodes back to the same bytes; raises Refused payload.*."""
    if len(payload) > MAX_PAYLOAD:
        raise Refused("payload.too_large", f"a payload has at most {MAX_PAYLOAD} bytes")
    if len(payload) == 32:  # a transaction that pays for its gas is longer
        raise Refused("payload.raw_digest", "a digest alone says nothing: no signer takes one")
    if not payload or payload[0] != TYPE:
        raise Refused("payload.tx_type", "only type 2 transactions (EIP-1559) are signed")
    *head, to, value, data, _ = _split(payload)
    if any(number[:1] == b"\0" for number in (*head, value)):
        raise Refused("payload.not_canonical", "an integer has leading zero bytes")
    if not to:
        raise Refused("payload.creation", "contract creation is not allowed")
    if len(to) != 20:
        raise Refused("payload.syntax", "the recipient has 20 bytes")
    chain_id, nonce, priority, max_fee, gas, wei = (int.from_bytes(number, "big") for number in (*head, value))
    tx = UnsignedTransaction(chain_id, nonce, priority, max_fee, gas, "0x" + to.hex(), wei, data)
    if encode(tx) != payload:
        raise Refused("payload.not_canonical", "encoding the decoded payload gives other bytes")
    return tx


def digest(payload: bytes) -> bytes:
    """The 32 bytes to sign: keccak-256 of the unsigned payload (EIP-1559, EIP-712)."""
    return keccak256(payload)


def assemble(payload: bytes, r: int, s: int, address: str) -> SignedTransaction:
    """The signed transaction or message; raises payload.high_s (EIP-2), signature.range, signature.wrong_key."""
    if payload[:2] != MESSAGE:
        decode(payload)  # or refuse it
    if not (0 < r < GROUP_ORDER_INT and 0 < s < GROUP_ORDER_INT):
        raise Refused("signature.range", "r and s are between 0 and the group order")
    if s > GROUP_ORDER_INT // 2:
        raise Refused("payload.high_s", "the signature's s is in the upper half (EIP-2)")
    compact, message = r.to_bytes(32, "big") + s.to_bytes(32, "big"), digest(payload)
    parity = _parity(message, compact, address)
    if payload[:2] == MESSAGE:
        return SignedTransaction(compact + bytes([27 + parity]), "0x" + message.hex())
    items = payload[consume_length_prefix(payload, 1)[3] :]
    raw = _transaction(items + b"".join(_string(_number(n)) for n in (parity, r, s)))
    return SignedTransaction(raw, "0x" + keccak256(raw).hex())


def _parity(message: bytes, compact: bytes, address: str) -> int:
    """The parity (0 or 1) under which r || s over the 32 bytes is the account's; raises signature.wrong_key."""
    for parity in (0, 1):
        if proven("secp256k1", message, compact, bytes([parity]), address.encode()):
            return parity
    for parity in (0, 1):
        try:
            key = PublicKey.from_signature_and_message(compact + bytes([parity]), message, hasher=None)
        except Exception:  # noqa: S112  # coincurve raises a bare Exception where no point has this r
            continue
        if address_of(key.format()) == address:
            return parity
    raise Refused("signature.wrong_key", "the signature is not by the paying account's key")
