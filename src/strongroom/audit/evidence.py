"""Chain evidence from a node: every transaction that an account has sent, found by its nonces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Protocol

from strongroom.documents.names import ChainId
from strongroom.errors import StrongroomError, Unreachable
from strongroom.nodes import answers
from strongroom.nodes.answers import Block, Malformed

_BLOCKS: Final = 20  # in one request


class Asked(Protocol):
    """What is asked of a node; see nodes.evm.EvmNode."""

    async def block(self, which: int | str) -> Block | None: ...
    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]: ...


async def evidence_of(node: Asked, chain: ChainId, account: str) -> AsyncIterator[dict[str, Any]]:
    """The documents of audit/chain.py about one account (lower-case hex), up to the newest block; raises Unreachable.

    The node needs the state of old blocks where they hold transactions of the account, and raw transactions.
    """
    head = await node.block("latest")
    if head is None:
        raise Unreachable("node.bad_answer", "the node knows no newest block")
    count = await _nonce(node, account, head.number)
    yield {"account": account, "block": head.number, "chain": chain, "hash": head.hash, "nonce": count}
    waiting = [(-1, 0, head.number, count)]  # block ranges (start, end] with the nonces behind both, the lowest last
    while waiting:
        start, before, end, after = waiting.pop()
        if after == before:
            continue
        if end - start <= max(1, 8 * (after - before)):
            for first in range(start + 1, end + 1, _BLOCKS):
                for document in await _transactions(node, account, first, min(first + _BLOCKS, end + 1)):
                    yield document
            continue
        middle = (start + end) // 2
        between = await _nonce(node, account, middle)
        waiting += [(middle, between, end, after), (start, before, middle, between)]


async def _nonce(node: Asked, account: str, block: int) -> int:
    return _quantity((await _ask(node, [("eth_getTransactionCount", (account, hex(block)))]))[0])


async def _transactions(node: Asked, account: str, start: int, end: int) -> list[dict[str, Any]]:
    """Those of the blocks from `start` up to `end`, in order of their nonces."""
    blocks = await _ask(node, [("eth_getBlockByNumber", (hex(number), True)) for number in range(start, end)])
    sent: list[tuple[int, str]] = []
    for block in blocks:
        try:
            mine = [tx for tx in block["transactions"] if answers.address(tx["from"]) == account]
            sent += [(answers.quantity(tx["nonce"]), answers.hash32(tx["hash"])) for tx in mine]
        except (Malformed, TypeError, KeyError):
            raise Unreachable("node.bad_answer", "the node gives a block without its transactions") from None
    txids = [txid for _, txid in sorted(sent)]
    raws = await _ask(node, [("eth_getRawTransactionByHash", (txid,)) for txid in txids])
    receipts = await _ask(node, [("eth_getTransactionReceipt", (txid,)) for txid in txids])
    return [_document(*each) for each in zip(txids, raws, receipts, strict=True)]


def _document(txid: str, raw: object, found: object) -> dict[str, Any]:
    try:
        receipt, data = answers.receipt(found, txid), answers.data(raw)
    except Malformed as error:
        raise Unreachable("node.bad_answer", f"transaction {txid}: {error}") from None
    return {
        "block": receipt.block_number, "hash": receipt.block_hash, "raw": data.hex(), "succeeded": receipt.succeeded,
    }  # fmt: skip


async def _ask(node: Asked, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
    answered = await node.batch(calls) if calls else []
    for value in answered:
        if isinstance(value, StrongroomError):
            raise value
    return answered


def _quantity(value: object) -> int:
    try:
        return answers.quantity(value)
    except Malformed as error:
        raise Unreachable("node.bad_answer", str(error)) from None
