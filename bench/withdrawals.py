"""An integrator under load: signed proposals over HTTP, and the chain's node watched for their transactions."""

from __future__ import annotations

import asyncio
import secrets
import time
from types import TracebackType
from typing import Any, Final

import aiohttp

from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Seen, Statement, sign_statement
from strongroom.lab import chain
from strongroom.lab.actions import WALLET
from strongroom.lab.client import Member
from strongroom.lab.up import CUSTOMERS

HOUR_MS: Final = 3_600_000
HEAD_SECONDS: Final = 5.0
PATIENCE: Final = 60.0


class Customer:
    """Proposes transfers of distinct amounts (wei), by which it knows them again in the node."""

    def __init__(self, member: Member, api: str, node: str) -> None:
        self._member, self._api, self._node = member, api, node
        self._visible: dict[int, asyncio.Future[float]] = {}
        self._next = 1 + secrets.randbelow(1 << 20)
        self._seen: Seen | None = None
        self._seen_at = 0.0
        self._questions = 0

    async def __aenter__(self) -> Customer:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._socket = await self._http.ws_connect(self._node.replace("http", "ws", 1))
        subscribe = {"jsonrpc": "2.0", "id": 0, "method": "eth_subscribe", "params": ["newPendingTransactions"]}
        await self._socket.send_json(subscribe)
        await self._socket.receive_json()
        self._watch = asyncio.create_task(self._watch_node())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.cancel()
        await self._socket.close()
        await self._http.close()

    async def transfer(self) -> Transfer:
        """One transfer: returns when the node knows its transaction; raises RuntimeError for a refusal."""
        amount, self._next = self._next, self._next + 1
        envelope = await self._proposal(amount)
        visible = self._visible[amount] = asyncio.get_running_loop().create_future()
        began, wall = time.perf_counter(), time.time()
        async with self._http.post(f"{self._api}/v1/transfers", json=envelope.to_doc()) as response:
            answer = await response.json()
            if response.status != 201:
                raise RuntimeError(f"the API answers {response.status}: {answer}")
        answered = time.perf_counter()
        try:
            seen = await asyncio.wait_for(visible, PATIENCE)
        except TimeoutError:
            raise RuntimeError(f"a transfer did not become visible: {await self._told(answer['id'])}") from None
        return Transfer(answer["id"], wall, answered - began, seen - began)

    async def _told(self, transfer: str) -> dict[str, Any]:
        """What the coordinator says about a transfer."""
        async with self._http.get(f"{self._api}/v1/transfers/{transfer}") as response:
            document = await response.json()
        kept = ("status", "nonce", "txids", "refusals", "awaiting")
        return {name: document.get(name) for name in kept} | {"timeline": [i["text"] for i in document["timeline"]]}

    async def plain(self) -> float:
        """The floor: the node is told to send from an account that it holds itself; seconds until it is visible."""
        amount, self._next = self._next, self._next + 1
        visible = self._visible[amount] = asyncio.get_running_loop().create_future()
        payment = {"from": chain.FAUCET, "to": CUSTOMERS[0], "value": hex(amount)}
        began = time.perf_counter()
        order = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendTransaction", "params": [payment]}
        async with self._http.post(self._node, json=order) as response:
            answer = await response.json()
            if "result" not in answer:
                raise RuntimeError(f"the node answers {answer}")
        seen: float = await asyncio.wait_for(visible, PATIENCE)
        return seen - began

    async def _proposal(self, amount: int) -> Envelope:
        now = time.time_ns() // 1_000_000
        if self._seen is None or time.monotonic() - self._seen_at > HEAD_SECONDS:
            async with self._http.get(f"{self._api}/v1/checkpoint") as response:
                head = await response.json()
            self._seen, self._seen_at = Seen(head["size"], head["root"]), time.monotonic()
        subject = {
            "from": WALLET,
            "to": f"{chain.CHAIN}:{CUSTOMERS[0]}",
            "asset": chain.ETH_ASSET,
            "amount": str(amount),
            "why": "benchmark",
            "until": now + HOUR_MS,
            "idempotency": f"bench-{amount}-{secrets.token_hex(4)}",
        }
        me = self._member
        statement = Statement(
            me.workspace, "transfer.propose", subject, None, self._seen, me.name, me.key.key_id, now + HOUR_MS
        )
        return sign_statement(statement, me.key)

    async def _watch_node(self) -> None:
        """Ask for each announced transaction until the node finds it: between pool and block it is nowhere."""
        asked: dict[int, str] = {}
        async for message in self._socket:
            found = message.json()
            if found.get("method") == "eth_subscription":
                asked[number := self._number()] = found["params"]["result"]
                await self._ask(number, asked[number])
            elif found.get("id") in asked and found.get("result") is None:
                await self._ask(found["id"], asked[found["id"]])
            elif found.get("id") in asked:
                del asked[found["id"]]
                waiting = self._visible.pop(int(found["result"]["value"], 16), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(time.perf_counter())
                # Acknowledges the node's last bytes: else Nagle's algorithm would hold its next ones back for 40 ms.
                await self._socket.pong()

    def _number(self) -> int:
        self._questions += 1
        return self._questions

    async def _ask(self, number: int, txid: str) -> None:
        question = {"jsonrpc": "2.0", "id": number, "method": "eth_getTransactionByHash", "params": [txid]}
        await self._socket.send_json(question)


class Transfer:
    """One transfer as its customer saw it: unix seconds of the call, seconds to the answer and until visible."""

    __slots__ = ("answered", "began", "id", "visible")

    def __init__(self, name: str, began: float, answered: float, visible: float) -> None:
        self.id, self.began, self.answered, self.visible = name, began, answered, visible


async def one_by_one(customer: Customer, count: int, each: Any) -> list[Transfer]:
    """Transfers one after another, each once the one before is visible."""
    return [await customer.transfer() for _ in each(range(count))]


async def sustained(customer: Customer, seconds: float, at_once: int, tell: Any) -> tuple[float, list[Transfer]]:
    """Keep `at_once` transfers under way for a time: transfers a second that became visible, and all of them."""
    done: list[Transfer] = []
    began = time.perf_counter()

    async def worker() -> None:
        while (passed := time.perf_counter() - began) < seconds:
            tell(int(passed), int(seconds))
            done.append(await customer.transfer())

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
    return len(done) / (time.perf_counter() - began), done
