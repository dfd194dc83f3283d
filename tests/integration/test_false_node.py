"""A node that lies about form, identity or size is as good as none: each such answer has its code."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from strongroom.chains.evm.transfer import Call
from strongroom.documents.keccak import keccak256
from strongroom.documents.names import ChainId
from strongroom.errors import Refused, StrongroomError, Unreachable
from strongroom.nodes.evm import EvmNode
from strongroom.nodes.jsonrpc import MAX_ANSWER

ADDRESS = "0x" + "ab" * 20
TXID = "0x" + "11" * 32
OTHER = "0x" + "22" * 32

Answer = Callable[[Any], web.StreamResponse]


@asynccontextmanager
async def served(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]], timeout: float = 10.0
) -> AsyncIterator[EvmNode]:
    """A client of a server on a free port of 127.0.0.1."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with EvmNode(f"http://127.0.0.1:{runner.addresses[0][1]}/secret-path", timeout=timeout) as node:
            yield node
    finally:
        await runner.cleanup()


@asynccontextmanager
async def false_node(answer: Answer, timeout: float = 10.0) -> AsyncIterator[EvmNode]:
    """A client of a server that answers as the function says, given the parsed request."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return answer(await request.json())

    async with served(handle, timeout) as node:
        yield node


def result(value: Any) -> Answer:
    """Every call, batched or not, is answered in good form with this value."""

    def one(request: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": request["id"], "result": value}

    return lambda body: web.json_response([one(r) for r in body] if isinstance(body, list) else one(body))


def raw(text: str | bytes, **options: Any) -> Answer:
    body = text.encode() if isinstance(text, str) else text
    return lambda _: web.Response(body=body, content_type="application/json", **options)


async def refusal(pending: Awaitable[Any], kind: type[StrongroomError] = Unreachable) -> str:
    with pytest.raises(kind) as caught:
        await pending
    assert "secret-path" not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "<html></html>",
        b"\xff\xfe\x00",
        "null",
        "5",
        '"0x1"',
        "[]",
        "{}",
        "[" * 100_000,
        '{"a":' * 100_000,
        ("[" * 100_000).encode("utf-16"),
        ('["\u0122",' + "[" * 100_000).encode("utf-16"),  # U+0122 holds the byte of a quotation mark
        "1" * 100_000,
        '{"jsonrpc":"2.0","id":1}',
        '{"jsonrpc":"2.0","id":1,"result":"0x1","error":{"code":1,"message":"x"}}',
        '{"jsonrpc":"1.0","id":1,"result":"0x1"}',
        '{"id":1,"result":"0x1"}',
        '{"jsonrpc":"2.0","result":"0x1"}',
        '{"jsonrpc":"2.0","id":null,"result":"0x1"}',
        '{"jsonrpc":"2.0","id":2,"result":"0x1"}',
        '{"jsonrpc":"2.0","id":"1","result":"0x1"}',
        '{"jsonrpc":"2.0","id":true,"result":"0x1"}',
        '{"jsonrpc":"2.0","id":1.0,"result":"0x1"}',
        '{"jsonrpc":"2.0","id":1,"error":"no"}',
        '{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"x"}}',
        '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":null}}',
        '{"jsonrpc":"2.0","id":1,"result":null}',
        '{"jsonrpc":"2.0","id":1,"result":16}',
        '{"jsonrpc":"2.0","id":1,"result":"16"}',
        '{"jsonrpc":"2.0","id":1,"result":"0x010"}',
        '{"jsonrpc":"2.0","id":1,"result":"0x"}',
        '{"jsonrpc":"2.0","id":1,"result":-1}',
        '{"jsonrpc":"2.0","id":1,"result":NaN}',
        '{"jsonrpc":"2.0","id":1,"result":"0x' + "f" * 65 + '"}',
    ],
    ids=lambda text: repr(text[:60]),
)
async def test_garbage_is_a_bad_answer(text: str | bytes) -> None:
    async with false_node(raw(text)) as node:
        assert await refusal(node.block_number()) == "node.bad_answer"


async def test_a_well_formed_answer_from_the_same_server_is_read() -> None:
    async with false_node(raw('{"jsonrpc":"2.0","id":1,"result":"0x10"}')) as node:
        assert await node.block_number() == 16


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 429, 500, 502, 503])
async def test_any_other_status_is_unreachable(status: int) -> None:
    answer = raw('{"jsonrpc":"2.0","id":1,"result":"0x10"}', status=status)
    async with false_node(answer) as node:
        assert await refusal(node.block_number()) == "node.unreachable"


async def test_a_huge_answer_is_cut_off_whether_its_length_is_announced_or_not() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65_536)
            sent += 65_536

    async with served(endless) as node:
        assert await refusal(node.block_number()) == "node.bad_answer"
    assert sent < 4 * MAX_ANSWER
    async with false_node(raw(b'{"jsonrpc":"2.0","id":1,"result":"0x10"' + b" " * MAX_ANSWER + b"}")) as node:
        assert await refusal(node.block_number()) == "node.bad_answer"


async def test_a_redirect_is_not_followed() -> None:
    async def redirecting(request: web.Request) -> web.StreamResponse:
        if request.path == "/elsewhere":
            return web.json_response({"jsonrpc": "2.0", "id": 1, "result": "0x10"})
        raise web.HTTPTemporaryRedirect("/elsewhere")

    async with served(redirecting) as node:
        assert await refusal(node.block_number()) == "node.unreachable"


async def test_a_compressed_answer_is_not_unpacked() -> None:
    for padding in (0, 50_000_000):
        packed = gzip.compress(b'{"jsonrpc":"2.0","id":1,"result":"0x10"}' + b" " * padding)
        async with false_node(raw(packed, headers={"Content-Encoding": "gzip"})) as node:
            assert await refusal(node.block_number()) == "node.bad_answer"


async def test_a_silent_node_is_unreachable_after_the_time_limit() -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()

    async with served(silent, timeout=0.2) as node:
        assert await refusal(node.block_number()) == "node.unreachable"


async def test_an_answer_cut_short_is_unreachable() -> None:
    async def torn(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{}")
        assert request.transport is not None
        request.transport.close()
        return response

    async with served(torn) as node:
        assert await refusal(node.block_number()) == "node.unreachable"


async def test_a_connection_closed_without_answer_is_tried_once_more_unless_the_node_would_sign_or_mine() -> None:
    seen: list[str] = []

    async def closing(request: web.Request) -> web.StreamResponse:
        seen.append((await request.json())["method"])
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with served(closing) as node:
        assert await refusal(node.block_number()) == "node.unreachable"
        assert seen == ["eth_blockNumber"] * 2
        seen.clear()
        for method in ("eth_sendTransaction", "evm_mine"):
            assert await refusal(node.call(method)) == "node.unreachable"
        assert seen == ["eth_sendTransaction", "evm_mine"]


async def test_nobody_listening_is_unreachable() -> None:
    async with false_node(result("0x1")) as node:
        pass
    assert await refusal(node.block_number()) == "node.unreachable"
    await node.close()


@pytest.mark.parametrize("found", ["0x1", "0x7a6a", "0x0"])
async def test_a_node_of_another_chain_is_noticed(found: str) -> None:
    async with false_node(result(found)) as node:
        assert await refusal(node.connect(ChainId("eip155:31337"))) == "node.wrong_chain"


@pytest.mark.parametrize(
    "mangle",
    [
        lambda answers: answers[:-1],
        lambda answers: answers + answers[:1],
        lambda answers: [answers[0], answers[0]],
        lambda answers: answers[0],
        lambda answers: [answers[0], None],
        lambda answers: [answers[0], {**answers[1], "id": str(answers[1]["id"])}],
        lambda answers: [answers[0], {**answers[1], "id": 10**6}],
        lambda answers: [answers[0], {**answers[1], "id": [1]}],
        lambda answers: [],
        lambda answers: None,
    ],
)
async def test_a_batch_must_be_answered_completely(mangle: Callable[[list[Any]], Any]) -> None:
    def answer(body: Any) -> web.Response:
        answers = [{"jsonrpc": "2.0", "id": request["id"], "result": None} for request in body]
        return web.Response(text=json.dumps(mangle(answers)))

    async with false_node(answer) as node:
        assert await refusal(node.receipts([TXID, OTHER])) == "node.bad_answer"


async def test_a_batch_may_be_answered_in_any_order() -> None:
    def answer(body: Any) -> web.Response:
        answers = [{"jsonrpc": "2.0", "id": request["id"], "result": request["method"]} for request in body]
        return web.json_response(answers[::-1])

    async with false_node(answer) as node:
        assert await node.batch([("a", ()), ("b", ()), ("c", ())]) == ["a", "b", "c"]


async def test_a_batch_that_is_refused_as_a_whole_has_the_nodes_reason() -> None:
    answer = raw('{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}}')
    async with false_node(answer) as node:
        assert await refusal(node.receipts([TXID]), Refused) == "node.refused"


async def test_a_node_that_names_another_transaction_is_not_believed() -> None:
    signed = b"\x02\xc0"
    async with false_node(result(TXID)) as node:
        assert await refusal(node.send_raw(signed)) == "node.bad_answer"
    async with false_node(result("0x" + keccak256(signed).hex())) as node:
        assert await node.send_raw(signed) == "0x" + keccak256(signed).hex()


async def test_nonce_too_low_is_success_only_if_the_node_has_this_very_transaction() -> None:
    def answer(body: Any) -> web.Response:
        if isinstance(body, list):
            return web.json_response([{"jsonrpc": "2.0", "id": r["id"], "result": {"hash": TXID}} for r in body])
        error = {"code": -32000, "message": "nonce too low"}
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], "error": error})

    async with false_node(answer) as node:
        assert await refusal(node.send_raw(b"\x02\xc0")) == "node.bad_answer"


async def test_a_token_that_answers_false_does_not_pass_the_simulation() -> None:
    made = Call(ADDRESS, 0, bytes.fromhex("a9059cbb") + bytes(64))

    def token(word: str) -> Answer:
        def answer(body: Any) -> web.Response:
            values = {"eth_call": word, "eth_estimateGas": "0x5208"}
            answers = [{"jsonrpc": "2.0", "id": r["id"], "result": values[r["method"]]} for r in body]
            return web.json_response(answers)

        return answer

    for good in ("0x", "0x" + "00" * 31 + "01"):
        async with false_node(token(good)) as node:
            assert await node.simulate(ADDRESS, made) == 21_000
    for bad in ("0x" + "00" * 32, "0x" + "00" * 31 + "02", "0x00"):
        async with false_node(token(bad)) as node:
            assert await refusal(node.simulate(ADDRESS, made), Refused) == "node.reverts"


@pytest.mark.parametrize("value", [None, 0, "0x1", [], {}, {"hash": TXID}, [[]], {"baseFeePerGas": ["0x1"]}, "x" * 100])
async def test_no_value_in_the_wrong_place_gives_anything_but_a_code(value: Any) -> None:
    async with false_node(result(value)) as node:
        calls: list[Callable[[], Awaitable[Any]]] = [
            node.chain_id,
            lambda: node.block(1),
            lambda: node.block(OTHER),
            lambda: node.block("latest"),
            lambda: node.balance(ADDRESS),
            lambda: node.token_balance(ADDRESS, ADDRESS),
            lambda: node.nonce(ADDRESS),
            lambda: node.gas_estimate(ADDRESS, Call(ADDRESS, 0, b"")),
            lambda: node.simulate(ADDRESS, Call(ADDRESS, 0, b"")),
            node.fees,
            lambda: node.send_raw(b"\x02\xc0"),
            lambda: node.receipt(OTHER),
            lambda: node.transaction(OTHER),
        ]
        for make in calls:
            try:
                found = await make()
            except StrongroomError as error:
                assert error.code.startswith("node.")
            else:
                assert found is None or value == "0x1"
