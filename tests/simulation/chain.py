"""A chain in virtual time: a pool, blocks, and what a node of it answers; it executes whatever is validly signed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import rlp  # type: ignore[import-untyped]

from strongroom.chains.evm.transfer import Call
from strongroom.documents.keccak import keccak256
from strongroom.documents.names import ChainId
from strongroom.errors import Refused, Unreachable
from strongroom.nodes.answers import Block, Receipt
from strongroom.nodes.faults import NONCE_TOO_LOW
from tests.workspace import WEI

BLOCK_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Sent:
    """A transaction as the chain sees it."""

    txid: str
    nonce: int
    max_fee: int
    to: str
    value: int
    data: bytes


@dataclass
class Chain:
    """One account's chain. `mined` is told each transaction as it becomes part of a block."""

    address: str
    rng: random.Random
    mined: Callable[[Sent], None]
    faults: float = 0.0
    number: int = 10
    nonce: int = 0
    pool: dict[int, Sent] = field(default_factory=dict)
    blocks: dict[int, list[Sent]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def advance(self) -> None:
        """The next block: everything in the pool whose turn it is."""
        self.number += 1
        while self.nonce in self.pool:
            sent = self.pool.pop(self.nonce)
            self.nonce += 1
            self.blocks.setdefault(self.number, []).append(sent)
            self.places[sent.txid] = self.number
            self.mined(sent)

    async def _asked(self) -> None:
        await asyncio.sleep(self.rng.uniform(0.0005, 0.01))
        if self.rng.random() < self.faults:
            raise Unreachable("node.unreachable", "the chain's node does not answer")

    def _nonce_at(self, tag: str) -> int:
        at = int(tag, 16)
        return self.nonce - sum(len(block) for number, block in self.blocks.items() if number > at)

    async def connect(self, expected: ChainId) -> None:
        await self._asked()

    async def block_number(self) -> int:
        await self._asked()
        return self.number

    async def block(self, which: int | str) -> Block | None:
        await self._asked()
        return None

    async def fees(self) -> tuple[int, int]:
        await self._asked()
        return 10**9, 10**9

    async def simulate(self, sender: str, call: Call) -> int:
        await self._asked()
        return 50_000 if call.data else 21_000

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        await self._asked()
        return [self._answer(method, params) for method, params in calls]

    def _answer(self, method: str, params: Sequence[Any]) -> Any:
        if method == "eth_getTransactionCount":
            return hex(self._nonce_at(params[1]))
        if method == "eth_getBlockByNumber":
            return {"transactions": [self._described(sent) for sent in self.blocks.get(int(params[0], 16), [])]}
        return hex(10**6 * WEI) if method == "eth_getBalance" else "0x" + (10**15).to_bytes(32, "big").hex()

    def _described(self, sent: Sent) -> dict[str, Any]:
        place = self.places[sent.txid]
        return {
            "hash": sent.txid, "from": self.address, "nonce": hex(sent.nonce), "to": sent.to, "value": hex(sent.value),
            "input": "0x" + sent.data.hex(), "blockNumber": hex(place), "blockHash": "0x" + place.to_bytes(32).hex(),
        }  # fmt: skip

    async def send_raw(self, raw: bytes) -> str:
        await self._asked()
        sent = read(raw)
        if sent.txid in self.places:
            return sent.txid
        if sent.nonce < self.nonce:
            raise Refused(NONCE_TOO_LOW, "the nonce is spent")
        there = self.pool.get(sent.nonce)
        if there is not None and there.txid != sent.txid and sent.max_fee * 10 < there.max_fee * 11:
            raise Refused("node.underpriced", "the pool holds a dearer one")
        self.pool[sent.nonce] = sent
        return sent.txid

    async def receipts(self, txids: Sequence[str]) -> list[Receipt | None]:
        await self._asked()
        return [self._receipt(txid) for txid in txids]

    def _receipt(self, txid: str) -> Receipt | None:
        place = self.places.get(txid)
        if place is None:
            return None
        return Receipt(txid, True, place, "0x" + place.to_bytes(32).hex(), self.address, 21_000, 1, ())

    async def close(self) -> None:
        return None


def read(raw: bytes) -> Sent:
    """A signed transaction of type 2."""
    _, nonce, _, max_fee, _, to, value, data, *_ = rlp.decode(raw[1:])
    number = int.from_bytes
    return Sent(
        "0x" + keccak256(raw).hex(), number(nonce, "big"), number(max_fee, "big"), "0x" + to.hex(),
        number(value, "big"), data,
    )  # fmt: skip
