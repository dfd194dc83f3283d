"""How much one client may ask, and how long it may take to ask it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from strongroom.api.app import create_app
from strongroom.wire import body
from tests.unit.api.coordinator import Coordinator


def client(coordinator: Coordinator, address: str, app: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 1))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


async def test_one_client_is_slowed_down_and_the_others_are_not(coordinator: Coordinator) -> None:
    app = create_app(coordinator, clock=lambda: coordinator.log.time, requests=3)
    async with client(coordinator, "192.0.2.1", app) as many, client(coordinator, "192.0.2.2", app) as other:
        answers = [await many.get("/v1/workspace") for _ in range(40)]
        codes = [answer.status_code for answer in answers]
        assert codes[:6] == [200] * 6 and 429 in codes and set(codes) == {200, 429}
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["error"]["code"] == "request.too_many" and int(refused.headers["retry-after"]) == 1
        assert (await other.get("/v1/workspace")).status_code == 200


async def test_a_body_that_never_ends_is_refused_in_time(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "PATIENCE", 0.05)

    async def forever() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    app = create_app(coordinator, clock=lambda: coordinator.log.time)
    sent: list[dict[str, object]] = []
    chunks = forever()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": await anext(chunks), "more_body": True}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/statements", "raw_path": b"/v1/statements", "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")], "client": ("192.0.2.1", 1), "server": ("127.0.0.1", 80),
        "scheme": "http", "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    async with asyncio.timeout(20):
        await app(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 400 and b"request.too_slow" in sent[1]["body"]  # type: ignore[operator]
