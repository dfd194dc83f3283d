"""Whatever is wrong with a request: a stable code, the right status, nothing appended, nobody asked."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.documents.envelope import Envelope, sign
from strongroom.documents.statement import payload_type
from tests.unit.api.coordinator import Coordinator
from tests.workspace import CHAIN, ETH, HOUR, TOKEN, WEI

CHECKSUM_WRONG = "0x70997970C51812dc3A010C7d01b50e0d17dc79c8"
CHECKSUM_RIGHT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PROPOSE = "transfer.propose"


def raw_statement(coordinator: Coordinator, text: bytes) -> Envelope:
    """A properly signed payload of any bytes: only the parser stands between it and the log."""
    return sign(text, payload_type(PROPOSE), coordinator.log.keys["exchange"])


def text_of(coordinator: Coordinator, **changes: Any) -> str:
    return coordinator.log.statement("exchange", PROPOSE, coordinator.log.intent(**changes)).payload.decode()


async def refused(
    client: httpx.AsyncClient,
    coordinator: Coordinator,
    body: bytes,
    status: int,
    code: str,
    path: str = "/v1/transfers",
) -> dict[str, str]:
    """Post the body; assert the refusal and that nothing came of it."""
    before, asked = coordinator.state, coordinator.log.entries[:]
    response = await client.post(path, content=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code), response.text
    assert set(error) == {"code", "message", "remedy"} and error["message"] and error["remedy"]
    assert "\n" not in error["message"] + error["remedy"]
    assert "Traceback" not in response.text
    assert coordinator.state is before and coordinator.log.entries == asked
    return dict(error)


def sent(envelope: Envelope) -> bytes:
    return json.dumps(envelope.to_doc()).encode()


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("1.5", "amount.syntax"),
        ("1e18", "amount.syntax"),
        ("-1", "amount.syntax"),
        ("+1", "amount.syntax"),
        ("1_000", "amount.syntax"),
        ("01", "amount.syntax"),
        ("", "amount.syntax"),
        (" 1", "amount.syntax"),
        ("0x10", "amount.syntax"),
        ("\u0661\u0662", "amount.syntax"),  # Arabic-Indic digits
        ("\uff11", "amount.syntax"),  # a fullwidth digit
        (str(2**256), "amount.too_large"),
        ("9" * 78, "amount.too_large"),
        ("9" * 79, "amount.syntax"),
        ("0", "amount.zero"),
    ],
)
async def test_amounts(client: httpx.AsyncClient, coordinator: Coordinator, amount: str, code: str) -> None:
    envelope = coordinator.log.statement("exchange", PROPOSE, coordinator.log.intent(amount=amount))
    error = await refused(client, coordinator, sent(envelope), 400, code)
    if code == "amount.syntax":
        assert error["remedy"]


@pytest.mark.parametrize("number", ["1.5", "1e18", "NaN", "Infinity", "-0.0"])
async def test_an_amount_that_is_a_float(client: httpx.AsyncClient, coordinator: Coordinator, number: str) -> None:
    text = text_of(coordinator).replace(f'"amount":"{WEI // 2}"', f'"amount":{number}')
    envelope = raw_statement(coordinator, text.encode())
    await refused(client, coordinator, sent(envelope), 400, "document.float")


async def test_an_amount_that_is_an_integer(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    text = text_of(coordinator).replace(f'"amount":"{WEI // 2}"', '"amount":5')
    await refused(client, coordinator, sent(raw_statement(coordinator, text.encode())), 400, "document.type")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"to": f"{CHAIN}:{CHECKSUM_WRONG}"}, 400, "address.checksum"),
        ({"to": f"{CHAIN}:{CHECKSUM_RIGHT}"}, 400, "account.syntax"),
        ({"to": f"{CHAIN}:0x1234"}, 400, "account.syntax"),
        ({"to": f"{CHAIN}:0x{'00' * 20}"}, 400, "address.zero"),
        ({"to": "0x" + "11" * 20}, 400, "account.syntax"),
        ({"to": "eip155:1:0x" + "11" * 20}, 400, "chain.differs"),
        ({"asset": f"{CHAIN}/erc20:0x{'11' * 20}"}, 400, "asset.unknown"),
        ({"asset": "eip155:1/slip44:60"}, 400, "asset.unknown"),
        ({"asset": "dogecoin"}, 400, "asset.syntax"),
        ({"wallet": "cold"}, 400, "wallet.unknown"),
        ({"why": "pay\u202egnp"}, 400, "label.control"),
        ({"idempotency": ""}, 400, "intent.idempotency"),
        ({"amount": str(2 * WEI)}, 403, "policy.no_rule"),
        ({"asset": TOKEN, "amount": str(2 * 10**9)}, 403, "policy.no_rule"),
        ({"until": 1}, 403, "intent.expired"),
        ({"until": 2**53 - 1}, 400, "intent.until_too_far"),
        ({"extra": "field"}, 400, "document.unknown_field"),
    ],
)
async def test_intents(
    client: httpx.AsyncClient, coordinator: Coordinator, changes: dict[str, Any], status: int, code: str
) -> None:
    envelope = coordinator.log.statement("exchange", PROPOSE, coordinator.log.intent(**changes))
    await refused(client, coordinator, sent(envelope), status, code)


async def test_a_mixed_case_address_is_answered_with_its_one_spelling(
    client: httpx.AsyncClient, coordinator: Coordinator
) -> None:
    intent = coordinator.log.intent(to=f"{CHAIN}:{CHECKSUM_RIGHT}")
    envelope = coordinator.log.statement("exchange", PROPOSE, intent)
    error = await refused(client, coordinator, sent(envelope), 400, "account.syntax")
    assert f"{CHAIN}:{CHECKSUM_RIGHT.lower()}" in error["remedy"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"not_after": 1}, 400, "statement.expired"),
        ({"not_after": None}, 400, "statement.expired"),
        ({"workspace": "00" * 32}, 400, "statement.other_workspace"),
        ({"seen": None}, 400, "statement.seen_unknown"),
    ],
)
async def test_statements(
    client: httpx.AsyncClient, coordinator: Coordinator, changes: dict[str, Any], status: int, code: str
) -> None:
    envelope = coordinator.log.statement("exchange", PROPOSE, coordinator.log.intent(), **changes)
    error = await refused(client, coordinator, sent(envelope), status, code)
    if code.startswith("statement.") and status == 400:
        assert error["remedy"]


@pytest.mark.parametrize("person", ["alice", "nobody", "coordinator"])
async def test_a_key_that_is_not_the_person_s(client: httpx.AsyncClient, coordinator: Coordinator, person: str) -> None:
    text = text_of(coordinator).replace('"person":"exchange"', f'"person":"{person}"')
    envelope = raw_statement(coordinator, text.encode())
    await refused(client, coordinator, sent(envelope), 403, "statement.unknown_key")


async def test_a_signature_by_another_key(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    envelope = coordinator.log.statement("exchange", PROPOSE, coordinator.log.intent())
    forged = Envelope(envelope.payload, envelope.payload_type, ((envelope.signatures[0][0], bytes(64)),))
    await refused(client, coordinator, sent(forged), 400, "credential.bad_signature")


async def test_a_replayed_approval(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    transfer = coordinator.log.propose("alice", amount=str(5 * WEI))
    shown = (await client.get(f"/v1/transfers/{transfer}")).json()
    envelope = coordinator.log.statement(
        "bob", "transfer.approve", {"transfer": transfer}, obligations=shown["decision"]["digest"]
    )
    body = json.dumps({"envelope": envelope.to_doc()}).encode()
    assert (await client.post("/v1/statements", content=body)).status_code == 200
    code = "approval.person_already_counted"
    await refused(client, coordinator, body, 409, code, "/v1/statements")


async def test_a_proposal_sent_as_another_statement_of_the_same_signer(
    client: httpx.AsyncClient, coordinator: Coordinator
) -> None:
    transfer = coordinator.log.propose()
    envelope = coordinator.log.statement("exchange", "transfer.cancel", {"transfer": transfer}, bare=True)
    await refused(client, coordinator, sent(envelope), 400, "statement.wrong_kind")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "document.syntax"),
        (b"{", "document.syntax"),
        (b"null", "document.not_object"),
        (b"[1]", "document.not_object"),
        (b"\xff\xfe", "document.syntax"),
        (b'{"payload":"","payload":""}', "document.duplicate_key"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "document.too_deep"),
        (b"[" * 5000 + b"]" * 5000, "document.too_deep"),
        (b'{"a":"' + b"x" * (65536 + 1 - 8) + b'"}', "document.too_large"),
        (b" " * 10_000_000, "document.too_large"),
        (b'{"a":1.5}', "document.float"),
        (b'{"a":1}', "document.missing_field"),
        (b'{"payload":"e30=","payloadType":"x","signatures":[]}', "envelope.signature_count"),
        (b'{"payload":"***","payloadType":"x","signatures":[{"keyid":"","sig":""}]}', "hash.syntax"),
        (b'{"a":"\\ud800"}', "document.syntax"),
        (b'{"a":' + b"9" * 5000 + b"}", "document.integer"),
    ],
)
async def test_bodies(client: httpx.AsyncClient, coordinator: Coordinator, body: bytes, code: str) -> None:
    await refused(client, coordinator, body, 400, code)
    if code != "document.too_large" or len(body) > 131072:
        assert (await client.post("/v1/statements", content=body)).status_code == 400


async def test_a_body_of_64_kib_is_still_read(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    body = b'{"a":"' + b"x" * (65536 - 8) + b'"}'
    assert len(body) == 65536
    await refused(client, coordinator, body, 400, "document.missing_field")


async def test_a_body_without_length_is_bounded_while_it_arrives(
    client: httpx.AsyncClient, coordinator: Coordinator
) -> None:
    taken = 0

    async def endless() -> Any:
        nonlocal taken
        while taken < 1000:
            taken += 1
            yield b" " * 65536

    response = await client.post("/v1/transfers", content=endless())
    assert response.json()["error"]["code"] == "document.too_large"


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "document.too_deep"),
        (b'{"kind":"a","kind":"b"}', "document.duplicate_key"),
        (b'{ "kind":"a"}', "document.not_canonical"),
        (b'{"kind":"a"}', "document.missing_field"),
        (b"\x00", "document.syntax"),
    ],
)
async def test_signed_payloads(client: httpx.AsyncClient, coordinator: Coordinator, inside: bytes, code: str) -> None:
    await refused(client, coordinator, sent(raw_statement(coordinator, inside)), 400, code)


async def test_the_coordinator_is_not_asked_about_what_cannot_be_read(
    client: httpx.AsyncClient, coordinator: Coordinator
) -> None:
    for body in (b"", b"{}", sent(raw_statement(coordinator, b"{}"))):
        await client.post("/v1/transfers", content=body)
    assert coordinator.asked == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/transfers/" + "00" * 32, 404, "transfer.unknown"),
        ("/v1/transfers/%00%0a", 404, "transfer.unknown"),
        ("/v1/transfers/x?wait=-1", 400, "request.parameter"),
        ("/v1/transfers?limit=0", 400, "request.parameter"),
        ("/v1/transfers?limit=99999999999999999999", 400, "request.parameter"),
        ("/v1/transfers?open=perhaps", 400, "request.parameter"),
        ("/v1/entries?from=-1", 400, "request.parameter"),
        ("/v1/entries?from=%F0%9F%92%A9", 400, "request.parameter"),
        ("/v2/transfers", 404, "request.not_found"),
        ("/docs", 404, "request.not_found"),
        ("/redoc", 404, "request.not_found"),
    ],
)
async def test_paths(client: httpx.AsyncClient, path: str, status: int, code: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_a_method_that_is_not_there(client: httpx.AsyncClient) -> None:
    response = await client.delete("/v1/transfers")
    assert (response.status_code, response.json()["error"]["code"]) == (405, "request.method")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "", "[::2]"])
async def test_another_host_is_refused(client: httpx.AsyncClient, coordinator: Coordinator, host: str) -> None:
    response = await client.get("/v1/workspace", headers={"host": host})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "request.host")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8000"])
async def test_loopback_names_are_answered(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/v1/workspace", headers={"host": host})).status_code == 200


@given(st.binary(max_size=300))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_bytes_are_refused_with_a_code(
    client: httpx.AsyncClient, coordinator: Coordinator, body: bytes
) -> None:
    for path in ("/v1/transfers", "/v1/statements"):
        response = await client.post(path, content=body)
        assert response.status_code == 400 and response.json()["error"]["code"]


async def test_a_fault_of_our_own_says_nothing(
    client: httpx.AsyncClient, coordinator: Coordinator, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("seed words: abandon abandon")

    coordinator.health = broken  # type: ignore[assignment]
    with caplog.at_level(logging.ERROR):
        response = await client.get("/v1/status")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal.error")
    assert "abandon" not in response.text
    assert "RuntimeError" in caplog.text and "abandon" not in caplog.text and "Traceback" not in caplog.text


async def test_none_of_the_bad_inputs_is_a_fault_of_our_own(
    client: httpx.AsyncClient, coordinator: Coordinator, caplog: pytest.LogCaptureFixture
) -> None:
    whole = base64.b64encode(text_of(coordinator).encode())
    key = coordinator.log.keys["exchange"].key_id
    bodies = [
        b'{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}' % parts
        for parts in (
            (whole, b"a", b"", b""),
            (whole, payload_type(PROPOSE).encode(), key.encode(), b""),
            (whole, payload_type(PROPOSE).encode(), key.encode(), b"AA=="),
            (b"", payload_type(PROPOSE).encode(), key.encode(), b"AA=="),
        )
    ]
    for body in bodies:
        assert (await client.post("/v1/transfers", content=body)).status_code == 400
    assert "internal.error" not in caplog.text


def test_the_intents_here_are_otherwise_good(coordinator: Coordinator) -> None:
    coordinator.log.propose(asset=ETH, until=coordinator.log.time + HOUR)
