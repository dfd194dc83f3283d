"""One chain as the coordinator last saw it: fees, balances and nonces at one block, kept fresh in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from strongroom.chains.evm.transfer import NATIVE, Call, token_payment
from strongroom.coordinator.ports import ChainNode, Clock
from strongroom.documents.keccak import keccak256
from strongroom.documents.names import AssetId, ChainId, split_asset
from strongroom.errors import StrongroomError, Unreachable
from strongroom.nodes import answers
from strongroom.nodes.answers import Malformed, Receipt, Transaction
from strongroom.nodes.evm import BALANCE_OF

FRESH_MS: Final = 30_000
GAS_MS: Final = 300_000
MOST_GAS: Final = 10_000  # destinations whose gas is remembered
PLAIN_GAS: Final = 21_000
MOST_BATCH: Final = 100


@dataclass(slots=True)
class Account:
    """An own account at block `block`: its next nonce on the chain, and its balances in base units."""

    block: int = -1
    nonce: int = 0
    balances: dict[AssetId, int] = field(default_factory=dict)


class Chain:
    """The cached view; `on_block` is called whenever a refresh has finished."""

    def __init__(self, name: ChainId, node: ChainNode, clock: Clock, poll: float) -> None:
        self.name, self.node, self._clock, self._poll = name, node, clock, poll
        self.block = -1
        self.base_fee = self.priority = 0
        self.error = ""
        self.seen = 0
        self.accounts: dict[str, Account] = {}
        self.on_block: list[Callable[[Chain], None]] = []
        self._gas: dict[bytes, tuple[int, int]] = {}
        self._kick = asyncio.Event()
        self._asked: dict[str, asyncio.Future[Receipt | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def reachable(self) -> bool:
        """Whether the node has answered lately."""
        return not self.error and self._clock() - self.seen < FRESH_MS

    def watch(self, address: str, assets: Iterable[AssetId]) -> Account:
        """Keep an own account's nonce and balances fresh."""
        account = self.accounts.setdefault(address, Account())
        for asset in assets:
            account.balances.setdefault(asset, -1)
        return account

    async def run(self) -> None:
        """Refresh for ever: on each new block, after own sends, and every 30 s in any case."""
        while True:
            self._kick.clear()
            try:
                number = await self.node.block_number()
                due = self.block < 0 or self.error or self._clock() - self.seen >= FRESH_MS // 2
                if number != self.block or due:
                    await self.refresh(number)
            except StrongroomError as error:
                self._fail(error)
            delay = self._poll if not self.error else max(self._poll, 1.0)
            try:
                async with asyncio.timeout(delay):  # wait_for may swallow a cancellation
                    await self._kick.wait()
            except TimeoutError:
                continue

    def hurry(self) -> None:
        """Look again soon."""
        self._kick.set()

    def _fail(self, error: StrongroomError) -> None:
        if self.error != error.code:
            self.error = error.code
            self._told()

    def _told(self) -> None:
        for listener in self.on_block:
            listener(self)

    async def refresh(self, number: int | None = None) -> None:
        """Read fees, and every watched account at one block; raises Unreachable."""
        if self.block < 0 or self.error:
            await self.node.connect(self.name)
        at = number if number is not None else await self.node.block_number()
        if at < self.block:  # a reorganization, or another chain state: what was read no longer holds
            for account in self.accounts.values():
                account.block = -1
        base_fee, priority = await self.node.fees()
        await self._read_accounts(at)
        self.block, self.base_fee, self.priority = at, base_fee, priority
        self.error, self.seen = "", self._clock()
        self._told()

    async def _read_accounts(self, at: int) -> None:
        """Nonces and balances of one block, so that what is spent and what is left fit together."""
        calls: list[tuple[str, tuple[object, ...]]] = []
        targets: list[tuple[str, AssetId | None]] = []
        for address, account in self.accounts.items():
            calls.append(("eth_getTransactionCount", (address, hex(at))))
            targets.append((address, None))
            for held in account.balances:
                calls.append(_balance_call(held, address, hex(at)))
                targets.append((address, held))
        results = await self.node.batch(calls)
        fresh = {address: Account(at) for address, _ in targets}
        for (address, asset), value in zip(targets, results, strict=True):
            if isinstance(value, Unreachable):
                raise value
            if isinstance(value, StrongroomError):
                if asset is None:
                    raise Unreachable("node.bad_answer", f"{self.name}: {value.message}") from value
                fresh[address].balances[asset] = 0  # no such token at this address
                continue
            try:
                if asset is None:
                    fresh[address].nonce = answers.quantity(value)
                elif split_asset(asset)[1] == "erc20":
                    fresh[address].balances[asset] = int.from_bytes(answers.data(value)[:32], "big")
                else:
                    fresh[address].balances[asset] = answers.quantity(value)
            except Malformed as error:
                raise Unreachable("node.bad_answer", f"{self.name}: {error}") from error
        for address, account in fresh.items():
            known = self.accounts[address]
            if account.block >= known.block:
                known.block, known.nonce = account.block, account.nonce
                known.balances.update(account.balances)

    async def gas_for(self, sender: str, call: Call) -> int:
        """Gas limit of a call, tried on the chain when it is not remembered; raises Refused node.*, Unreachable."""
        key = _gas_key(call)
        known = self._gas.get(key)
        if known is not None and self._clock() - known[1] < GAS_MS:
            return known[0]
        used = await self.node.simulate(sender, call)
        # A token's storage may be emptied until then (20,000 more); what is not used is not paid.
        gas = PLAIN_GAS if used == PLAIN_GAS and not call.data else used * 5 // 4 + (25_000 if call.data else 5_000)
        if len(self._gas) >= MOST_GAS:
            self._gas.clear()
        self._gas[key] = (gas, self._clock())
        return gas

    def gas_known(self, call: Call) -> int | None:
        """The remembered gas limit of such a call, without asking."""
        known = self._gas.get(_gas_key(call))
        return known[0] if known is not None and self._clock() - known[1] < GAS_MS else None

    async def send(self, raw: bytes) -> str:
        """Hand a signed transaction to the node; its id. Raises Refused node.*, Unreachable."""
        txid = await self.node.send_raw(raw)
        self.hurry()
        return txid

    async def receipts(self, txids: list[str]) -> list[Receipt | None]:
        """Receipts in order; what many ask for in one turn of the loop goes to the node in one request."""
        if not self._asked:
            asyncio.get_running_loop().call_soon(self._ask_receipts)
        new = asyncio.get_running_loop().create_future
        waiting = [self._asked.setdefault(txid, new()) for txid in txids]
        return list(await asyncio.gather(*waiting))

    def _ask_receipts(self) -> None:
        asked, self._asked = self._asked, {}
        task = asyncio.get_running_loop().create_task(self._fetch_receipts(asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch_receipts(self, asked: dict[str, asyncio.Future[Receipt | None]]) -> None:
        txids = list(asked)
        for start in range(0, len(txids), MOST_BATCH):
            chunk = txids[start : start + MOST_BATCH]
            try:
                found: list[Receipt | None] = await self.node.receipts(chunk)
            except StrongroomError as error:
                for txid in chunk:
                    if not asked[txid].done():
                        asked[txid].set_exception(error)
                continue
            for txid, receipt in zip(chunk, found, strict=True):
                if not asked[txid].done():
                    asked[txid].set_result(receipt)

    async def spender(self, address: str, nonce: int) -> Transaction | None:
        """The mined transaction that spent an account's nonce, found by halving the chain; None when none is.

        Watchers follow (account, nonce): a payload that was signed twice has two transaction ids.
        """
        low, high = 0, self.block
        while low < high:
            middle = (low + high) // 2
            (count,) = await self.node.batch([("eth_getTransactionCount", (address, hex(middle)))])
            low, high = (middle + 1, high) if self._number(count) <= nonce else (low, middle)
        (block,) = await self.node.batch([("eth_getBlockByNumber", (hex(low), True))])
        for item in block.get("transactions", ()) if isinstance(block, dict) else ():
            try:
                found = answers.transaction(item, answers.hash32(item.get("hash") if isinstance(item, dict) else None))
            except Malformed:
                continue  # a kind that this client does not know: not one of ours
            if (found.sender, found.nonce) == (address, nonce):
                return found
        return None

    def _number(self, value: object) -> int:
        if isinstance(value, StrongroomError):
            raise value
        try:
            return answers.quantity(value)
        except Malformed as error:
            raise Unreachable("node.bad_answer", f"{self.name}: {error}") from error

    async def close(self) -> None:
        """Give the connections back."""
        await self.node.close()


def _gas_key(call: Call) -> bytes:
    """What a call's gas depends on: of a payment its recipient, of anything else all of it."""
    payment = not call.data or token_payment(call.data) is not None
    rest = call.data[:36] if payment else call.data + call.value.to_bytes(32, "big")
    return keccak256(bytes.fromhex(call.to[2:]) + rest)


def _balance_call(asset: AssetId, address: str, tag: str) -> tuple[str, tuple[object, ...]]:
    _, namespace, reference = split_asset(asset)
    if f"{namespace}:{reference}" == NATIVE:
        return "eth_getBalance", (address, tag)
    query = {"to": reference, "data": BALANCE_OF + address[2:].rjust(64, "0")}
    return "eth_call", (query, tag)
