"""A client of one Ethereum node: balances, nonces, fees, simulation, broadcast, receipts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Literal, ParamSpec, Self, TypeVar

from strongroom.chains.evm.calls import allowance
from strongroom.chains.evm.transfer import Call, chain_number, token_payment
from strongroom.documents.keccak import keccak256
from strongroom.documents.names import ChainId
from strongroom.errors import Refused, StrongroomError, Unreachable
from strongroom.nodes import answers
from strongroom.nodes.answers import Block, Malformed, Receipt, Transaction
from strongroom.nodes.faults import ALREADY_KNOWN, NONCE_TOO_LOW, REVERTS
from strongroom.nodes.jsonrpc import Disconnected, JsonRpc

BALANCE_OF: Final = "0x70a08231"  # balanceOf(address), ERC-20
Tag = Literal["latest", "pending", "safe", "finalized"]
T = TypeVar("T")
P = ParamSpec("P")


class EvmNode:
    """One node, by its URL; methods raise Unreachable node.unreachable, .bad_answer, or Refused node.*."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self._rpc = JsonRpc(url, timeout=timeout)
        self._expected: int | None = None
        self._verified = False

    def __repr__(self) -> str:
        return f"EvmNode({self._rpc.name})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._rpc.close()

    async def connect(self, expected: ChainId) -> None:
        """Pin the chain; raises Unreachable node.wrong_chain, now or after a later interruption."""
        self._expected, self._verified = chain_number(expected), False
        await self._verify()

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The raw result of any JSON-RPC method."""
        return await self._ask(lambda: self._rpc.request(method, params), repeatable=_repeatable(method))

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The raw results of many calls in one request; a call that failed gives its error as the value."""
        repeatable = all(_repeatable(method) for method, _ in calls)
        return await self._ask(lambda: self._rpc.batch(calls), repeatable=repeatable)

    async def chain_id(self) -> ChainId:
        """What the node says its chain is, as CAIP-2."""
        return ChainId(f"eip155:{self._read(answers.quantity, await self.call('eth_chainId'))}")

    async def block_number(self) -> int:
        """The height of the node's newest block."""
        return self._read(answers.quantity, await self.call("eth_blockNumber"))

    async def block(self, which: int | str) -> Block | None:
        """A block by height, hash or tag ("latest", "safe", "finalized"); None if the node has no such."""
        if isinstance(which, int):
            value = await self.call("eth_getBlockByNumber", (hex(which), False))
        else:
            by = "eth_getBlockByHash" if which.startswith("0x") else "eth_getBlockByNumber"
            value = await self.call(by, (which, False))
        if value is None:
            return None
        found = self._read(answers.block, value)
        if found.number != which if isinstance(which, int) else which.startswith("0x") and found.hash != which:
            raise self._rpc.bad_answer("the block is another than was asked for")
        return found

    async def balance(self, address: str, tag: Tag = "latest") -> int:
        """Wei of an account."""
        return self._read(answers.quantity, await self.call("eth_getBalance", (address, tag)))

    async def token_balance(self, token: str, address: str, tag: Tag = "latest") -> int:
        """Base units of an ERC-20 token that an account holds."""
        query = {"to": token, "data": BALANCE_OF + address[2:].rjust(64, "0")}
        word = self._read(answers.data, await self.call("eth_call", (query, tag)))
        if len(word) != 32:
            raise Refused("node.not_a_token", f"{token} does not answer balanceOf as an ERC-20 token does")
        return int.from_bytes(word, "big")

    async def nonce(self, address: str, tag: Tag = "pending") -> int:
        """The next nonce: after mined transactions ("latest"), or after those in the pool too ("pending")."""
        return self._read(answers.quantity, await self.call("eth_getTransactionCount", (address, tag)))

    async def gas_estimate(self, sender: str, call: Call) -> int:
        """Gas that the call needs from `sender` now; raises node.reverts."""
        return self._read(answers.quantity, await self.call("eth_estimateGas", (_query(sender, call),)))

    async def simulate(self, sender: str, call: Call) -> int:
        """Gas of a call, tried on the latest state first; raises node.reverts with the contract's reason."""
        query = _query(sender, call)
        # Both: anvil estimates 21,000 for a payment that the account cannot afford; eth_call refuses it.
        results = await self.batch([("eth_call", (query, "latest")), ("eth_estimateGas", (query,))])
        for result in results:
            if isinstance(result, StrongroomError):
                raise result
        returned = self._read(answers.data, results[0])
        # ERC-20 returns true; USDT and its like return nothing. A false must not pass as a transfer.
        token = token_payment(call.data) is not None or allowance(call.value, call.data) is not None
        if token and returned and int.from_bytes(returned, "big") != 1:
            raise Refused(REVERTS, "the token refuses the transfer by its return value")
        return self._read(answers.quantity, results[1])

    async def fees(self) -> tuple[int, int]:
        """(base fee of the next block, priority fee that the node suggests), in wei per gas."""
        history, priority = await self.batch(
            [("eth_feeHistory", ("0x1", "latest", [])), ("eth_maxPriorityFeePerGas", ())]
        )
        for result in (history, priority):
            if isinstance(result, StrongroomError):
                raise result
        bases = history.get("baseFeePerGas") if isinstance(history, dict) else None
        if not isinstance(bases, list) or len(bases) != 2:
            raise self._rpc.bad_answer("the fee history has no base fee for the next block")
        return self._read(answers.quantity, bases[1]), self._read(answers.quantity, priority)

    async def send_raw(self, raw: bytes) -> str:
        """Broadcast, and return the txid; that the node has it already, pooled or mined, is success."""
        txid = "0x" + keccak256(raw).hex()
        try:
            answered = self._read(answers.hash32, await self.call("eth_sendRawTransaction", ("0x" + raw.hex(),)))
        except Refused as error:
            known = error.code == ALREADY_KNOWN
            if not known and error.code == NONCE_TOO_LOW:
                known = await self.transaction(txid) is not None
            if not known:
                raise
            return txid
        if answered != txid:
            raise self._rpc.bad_answer("the node gives another transaction hash than the bytes have")
        return txid

    async def receipt(self, txid: str) -> Receipt | None:
        """The receipt of a mined transaction, or None."""
        return (await self.receipts([txid]))[0]

    async def receipts(self, txids: Sequence[str]) -> list[Receipt | None]:
        """The receipts of many transactions in one request, in their order."""
        return await self._many("eth_getTransactionReceipt", txids, answers.receipt)

    async def transaction(self, txid: str) -> Transaction | None:
        """A transaction in the node's pool or in a block, or None."""
        return (await self.transactions([txid]))[0]

    async def transactions(self, txids: Sequence[str]) -> list[Transaction | None]:
        """Many transactions in one request, in their order."""
        return await self._many("eth_getTransactionByHash", txids, answers.transaction)

    async def _many(self, method: str, txids: Sequence[str], parse: Callable[[object, str], T]) -> list[T | None]:
        found: list[T | None] = []
        for txid, value in zip(txids, await self.batch([(method, (txid,)) for txid in txids]), strict=True):
            if isinstance(value, StrongroomError):
                raise value
            found.append(None if value is None else self._read(parse, value, txid))
        return found

    def _read(self, parse: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return parse(*args, **kwargs)
        except Malformed as error:
            raise self._rpc.bad_answer(str(error)) from error

    async def _verify(self) -> None:
        """Ask for the chain id, again after each interruption: another node may have come up there."""
        if self._verified or self._expected is None:
            return
        found = self._read(answers.quantity, await self._rpc.request("eth_chainId", ()))
        if found != self._expected:
            raise Unreachable(
                "node.wrong_chain",
                f"{self._rpc.name} serves eip155:{found}, not eip155:{self._expected}",
                "give the address of a node of the right chain",
            )
        self._verified = True

    async def _ask(self, make: Callable[[], Awaitable[T]], *, repeatable: bool) -> T:
        """Do a request on the pinned chain; one that was cut off with a kept connection goes out once more."""
        for last in (not repeatable, True):
            try:
                await self._verify()
                return await make()
            except Unreachable as error:
                self._verified = False
                if last or not isinstance(error, Disconnected):
                    raise
        raise AssertionError("the second attempt is the last")


def _repeatable(method: str) -> bool:
    """Reading, or sending the same signed bytes, may be done twice; what a node signs or mines by itself may not."""
    return method.startswith("eth_") and method != "eth_sendTransaction"


def _query(sender: str, call: Call) -> dict[str, str]:
    return {"from": sender, "to": call.to, "value": hex(call.value), "data": "0x" + call.data.hex()}
