"""A node's answers as frozen values: integers from 0x-hex, addresses in lower case, unix milliseconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from strongroom.documents.keccak import keccak256

TRANSFER_EVENT: Final = "0x" + keccak256(b"Transfer(address,address,uint256)").hex()

_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,63})", re.ASCII)
_HASH: Final = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)


class Malformed(ValueError):
    """A part of an answer has the wrong form; the client turns it into node.bad_answer."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block's place in the chain; `time` in unix milliseconds, `base_fee` in wei per gas."""

    number: int
    hash: str
    parent: str
    time: int
    base_fee: int


@dataclass(frozen=True, slots=True)
class TokenTransfer:
    """An ERC-20 Transfer event: `amount` base units of `token` moved."""

    token: str
    sender: str
    recipient: str
    amount: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction; `fee` is what it cost in wei, `transfers` what tokens say that they moved."""

    txid: str
    succeeded: bool
    block_number: int
    block_hash: str
    sender: str
    gas_used: int
    fee: int
    transfers: tuple[TokenTransfer, ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that the node knows; in no block yet while `block_number` and `block_hash` are None."""

    txid: str
    sender: str
    nonce: int
    to: str | None
    value: int
    data: bytes
    block_number: int | None
    block_hash: str | None


def quantity(value: object) -> int:
    """An integer up to 2^256-1 from its 0x-hex without leading zeros."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise Malformed("a quantity is not 0x-hex without leading zeros")
    return int(value, 16)


def hash32(value: object) -> str:
    """A 32-byte hash in lower-case 0x-hex."""
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise Malformed("a hash is not 32 bytes of 0x-hex in lower case")
    return value


def address(value: object) -> str:
    """An address in lower case; nodes write any case, checksums are not theirs to give."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise Malformed("an address is not 20 bytes of 0x-hex")
    return value.lower()


def data(value: object) -> bytes:
    """Bytes from 0x-hex."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise Malformed("data is not 0x-hex of whole bytes")
    return bytes.fromhex(value[2:])


def block(value: object) -> Block:
    """A block from eth_getBlockBy…; one without base fee cannot carry type 2 transactions: malformed."""
    doc = _object(value)
    return Block(
        number=quantity(doc.get("number")),
        hash=hash32(doc.get("hash")),
        parent=hash32(doc.get("parentHash")),
        time=quantity(doc.get("timestamp")) * 1000,
        base_fee=quantity(doc.get("baseFeePerGas")),
    )


def receipt(value: object, txid: str) -> Receipt:
    """The receipt of the transaction `txid`, from eth_getTransactionReceipt."""
    doc = _object(value)
    if hash32(doc.get("transactionHash")) != txid:
        raise Malformed("the receipt is of another transaction")
    status, gas_used = quantity(doc.get("status")), quantity(doc.get("gasUsed"))
    logs = doc.get("logs")
    if status not in (0, 1) or not isinstance(logs, list):
        raise Malformed("a receipt has a status of 0 or 1, and a list of logs")
    return Receipt(
        txid=txid,
        succeeded=status == 1,
        block_number=quantity(doc.get("blockNumber")),
        block_hash=hash32(doc.get("blockHash")),
        sender=address(doc.get("from")),
        gas_used=gas_used,
        fee=gas_used * quantity(doc.get("effectiveGasPrice")),
        transfers=tuple(found for log in logs if (found := _transfer(_object(log))) is not None),
    )


def transaction(value: object, txid: str) -> Transaction:
    """The transaction `txid`, from eth_getTransactionByHash."""
    doc = _object(value)
    if hash32(doc.get("hash")) != txid:
        raise Malformed("the answer is another transaction")
    number, where, to = doc.get("blockNumber"), doc.get("blockHash"), doc.get("to")
    if (number is None) != (where is None):
        raise Malformed("a mined transaction has both block number and block hash")
    return Transaction(
        txid=txid,
        sender=address(doc.get("from")),
        nonce=quantity(doc.get("nonce")),
        to=None if to is None else address(to),
        value=quantity(doc.get("value")),
        data=data(doc.get("input")),
        block_number=None if number is None else quantity(number),
        block_hash=None if where is None else hash32(where),
    )


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("an object was expected")
    return value


def _transfer(log: Mapping[str, Any]) -> TokenTransfer | None:
    topics, amount = log.get("topics"), data(log.get("data"))
    if not isinstance(topics, list):
        raise Malformed("a log has a list of topics")
    if len(topics) != 3 or topics[0] != TRANSFER_EVENT or len(amount) != 32:
        return None  # another event; ERC-721's Transfer has the same name and four topics
    sender, recipient = (hash32(topic) for topic in topics[1:])
    return TokenTransfer(
        address(log.get("address")),
        "0x" + sender[-40:],
        "0x" + recipient[-40:],
        int.from_bytes(amount, "big"),
    )
