"""`/v1/requests/transfers`: a signed body makes a transfer once; whatever is wrong with the token has a code."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from strongroom.api.app import create_app
from strongroom.api.models import TransferAnswer
from strongroom.documents.request import URI
from tests.tokens import SoftService
from tests.unit.api.coordinator import Coordinator
from tests.unit.custody.test_requests import SERVICE, workspace
from tests.workspace import OTHER, Workspace


@pytest.fixture(scope="module")
def opened() -> Workspace:
    return workspace().ready()


@pytest.fixture
def coordinator(opened: Workspace) -> Coordinator:
    return Coordinator(opened.clone())


@pytest.fixture
async def client(coordinator: Coordinator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(coordinator, clock=lambda: coordinator.log.time))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as found:
        yield found


def signed(coordinator: Coordinator, body: bytes, by: SoftService = SERVICE, **lies: Any) -> dict[str, Any]:
    token = by.token(body, coordinator.log.state.workspace, coordinator.log.time, **lies)
    return {"content": body, "headers": {"Authorization": f"Bearer {token.decode()}"}}


async def test_a_signed_body_makes_one_transfer(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    body = json.dumps(coordinator.log.intent(idempotency="order-1"), indent=2).encode()
    sent = signed(coordinator, body)
    first = await client.post(URI, **sent)
    assert first.status_code == 201, first.text
    document = first.json()
    TransferAnswer.model_validate(document)
    assert document["initiator"] == "exchange" and first.headers["location"] == f"/v1/transfers/{document['id']}"
    size = coordinator.state.size
    for again in (sent, signed(coordinator, body)):
        answer = await client.post(URI, **again)
        assert (answer.status_code, answer.json()["id"]) == (200, document["id"])
    assert coordinator.state.size == size
    proposal = await client.get(f"/v1/transfers/{document['id']}/proposal")
    assert proposal.status_code == 200


async def test_another_body_under_the_same_key_conflicts(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    intent = coordinator.log.intent(idempotency="order-1")
    assert (await client.post(URI, **signed(coordinator, json.dumps(intent).encode()))).status_code == 201
    other = json.dumps({**intent, "to": OTHER}).encode()
    answer = await client.post(URI, **signed(coordinator, other))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "intent.idempotency_conflict")


@pytest.mark.parametrize(
    ("lies", "status", "code"),
    [
        ({"uri": "/v1/transfers"}, 401, "jwt.uri"),
        ({"header": {"alg": "HS256"}}, 401, "jwt.alg"),
        ({"bodyHash": "00" * 32}, 401, "jwt.body_hash"),
        ({"exp": 1}, 401, "jwt.expired_at_entry_time"),
        ({"sub": "00" * 32}, 400, "statement.other_workspace"),
        ({"extra": 1}, 400, "document.unknown_field"),
    ],
)
async def test_a_token_for_something_else(
    client: httpx.AsyncClient, coordinator: Coordinator, lies: dict[str, Any], status: int, code: str
) -> None:
    body, size = json.dumps(coordinator.log.intent()).encode(), coordinator.state.size
    answer = await client.post(URI, **signed(coordinator, body, **lies))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["remedy"] and coordinator.state.size == size


@pytest.mark.parametrize("given", [[], ["Basic YQ=="], ["Bearer "], ["Bearer a", "Bearer b"], ["Bearer " + "a" * 5000]])
async def test_a_request_carries_one_token(client: httpx.AsyncClient, given: list[str]) -> None:
    answer = await client.post(URI, content=b"{}", headers=[("authorization", value) for value in given])
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "jwt.missing")


async def test_a_large_body_and_a_stranger_are_refused(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    answer = await client.post(URI, **signed(coordinator, b" " * 20000))
    assert answer.json()["error"]["code"] == "document.too_large"
    body = json.dumps(coordinator.log.intent()).encode()
    answer = await client.post(URI, **signed(coordinator, body, SoftService("stranger")))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "statement.other_workspace")


async def test_a_body_with_two_meanings_is_refused(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    answer = await client.post(URI, **signed(coordinator, b'{"amount": "1", "amount": "2"}'))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "document.duplicate_key")


async def test_the_description_names_token_and_body(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    operation = described["paths"][URI]["post"]
    assert operation["security"] == [{"rs256": []}] and "rs256" in described["components"]["securitySchemes"]
    assert "from" in described["components"]["schemas"]["IntentRequest"]["properties"]
