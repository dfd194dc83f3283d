"""The integrator's call and the timeline: once per idempotency key, in plain words, with what is awaited."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from strongroom.api.models import ProposalEvidence, TransferAnswer, Transfers
from strongroom.documents.canonical import digest
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import statement_hash
from tests.unit.api.coordinator import Activity, Coordinator, Event, Refusal
from tests.workspace import ETH, OTHER, PAYEE, TOKEN, WEI, Workspace

PROPOSE = "transfer.propose"


def body_of(coordinator: Coordinator, by: str = "exchange", **changes: Any) -> bytes:
    envelope = coordinator.log.statement(by, PROPOSE, coordinator.log.intent(**changes))
    return json.dumps(envelope.to_doc()).encode()


async def shown(client: httpx.AsyncClient, transfer: str) -> dict[str, Any]:
    response = await client.get(f"/v1/transfers/{transfer}")
    assert response.status_code == 200
    TransferAnswer.model_validate(response.json())
    return dict(response.json())


async def test_one_signed_post_makes_a_transfer(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    body = body_of(coordinator)
    response = await client.post("/v1/transfers", content=body)
    assert response.status_code == 201
    document = response.json()
    TransferAnswer.model_validate(document)
    assert document["id"] == statement_hash(Envelope.from_doc(json.loads(body)))
    assert response.headers["location"] == f"/v1/transfers/{document['id']}"
    assert (document["status"], document["amount"]["text"]) == ("in_progress", "0.5 ETH")
    assert document["to"]["address"] == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    assert document["decision"]["rule"] == "small ETH"


async def test_the_same_again_is_answered_without_a_second_transfer(
    client: httpx.AsyncClient, coordinator: Coordinator
) -> None:
    body = body_of(coordinator, idempotency="order-1")
    first = await client.post("/v1/transfers", content=body)
    size = coordinator.state.size
    again = await client.post("/v1/transfers", content=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"] and coordinator.state.size == size
    until = coordinator.state.transfers[first.json()["id"]].intent.until
    coordinator.log.time += 5
    signed_anew = body_of(coordinator, idempotency="order-1", until=until)
    assert signed_anew != body
    anew = await client.post("/v1/transfers", content=signed_anew)
    assert (anew.status_code, anew.json()["id"]) == (200, first.json()["id"])
    assert coordinator.state.size == size and len(coordinator.asked) == 1


@pytest.mark.parametrize(
    ("field", "value"), [("amount", "5"), ("to", OTHER), ("asset", TOKEN), ("why", "other"), ("until", 1)]
)
async def test_another_body_under_the_same_key_conflicts(
    client: httpx.AsyncClient, coordinator: Coordinator, field: str, value: Any
) -> None:
    first = await client.post("/v1/transfers", content=body_of(coordinator, idempotency="order-1"))
    size = coordinator.state.size
    until = coordinator.state.transfers[first.json()["id"]].intent.until
    other = body_of(coordinator, **{"until": until, field: value, "idempotency": "order-1"})
    response = await client.post("/v1/transfers", content=other)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (409, "intent.idempotency_conflict")
    assert first.json()["id"] in error["message"] and f"its {field} differ" in error["message"]
    assert coordinator.state.size == size and len(coordinator.asked) == 1


async def test_equal_requests_at_once_make_one_transfer(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    body = body_of(coordinator)
    answers = await asyncio.gather(*(client.post("/v1/transfers", content=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1 and len(coordinator.state.transfers) == 1


async def test_a_forged_repetition_learns_nothing(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    body = body_of(coordinator)
    await client.post("/v1/transfers", content=body)
    document = json.loads(body)
    document["signatures"][0]["sig"] = "A" * 86 + "=="
    response = await client.post("/v1/transfers", json=document)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "credential.bad_signature")


async def test_approvals_lacking_given_and_counted(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    transfer = coordinator.log.propose("alice", amount=str(5 * WEI))
    document = await shown(client, transfer)
    assert document["status"] == "awaiting_approvals"
    awaiting = document["awaiting"]
    assert (awaiting["code"], awaiting["text"]) == ("approvals.missing", "waits for approvals: 2 of treasury")
    assert "approvals by 2 of treasury" in document["timeline"][1]["text"]
    obligations = document["decision"]["obligations"]
    assert digest(obligations) == document["decision"]["digest"]
    for person, status, lacking in (("bob", "awaiting_approvals", "1 of treasury"), ("carol", "in_progress", "")):
        coordinator.log.approve(transfer, person, digest(obligations))
        document = await shown(client, transfer)
        assert document["status"] == status
        assert lacking in (document["awaiting"] or {"text": ""})["text"]
    assert [row["person"] for row in document["approvals"] if row["counts"]] == ["bob", "carol"]
    assert [item["text"] for item in document["timeline"]][2:] == ["bob approved", "carol approved"]


async def test_a_delay_says_until_when(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    listing = {"account": OTHER, "group": "vendors", "label": "Acme Ltd"}
    coordinator.log.granted("address.listed", "address.list", listing, ("alice",))
    coordinator.log.time += 61_000
    coordinator.log.propose("exchange")
    transfer = coordinator.log.propose("alice", asset=TOKEN, amount="5", to=OTHER, idempotency="vendor")
    document = await shown(client, transfer)
    assert "Acme Ltd" in document["timeline"][0]["text"] and document["to"]["listed_as"] == ["Acme Ltd"]
    for person in ("bob", "carol"):
        coordinator.log.approve(transfer, person, document["decision"]["digest"])
    document = await shown(client, transfer)
    assert document["status"] == "delayed" and document["awaiting"]["code"] == "delay.not_elapsed"
    assert document["awaiting"]["until"] == coordinator.log.time + 600_000
    coordinator.log.time += 601_000
    assert (await shown(client, transfer))["status"] == "in_progress"


async def test_a_payload_is_told_in_plain_words(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    transfer = coordinator.log.propose(asset=TOKEN, amount="2500000")
    coordinator.log.authorize(transfer)
    document = await shown(client, transfer)
    told = document["timeline"][-1]
    assert told["stage"] == "authorized" and document["nonce"] == 0
    assert told["details"][0].startswith("pays 2.5 LUSD (2500000 base units")
    assert "consumes nonce 0" in told["details"][-1]
    assert document["payloads"][0]["explained"] == told["details"]


async def test_a_rejection_ends_it(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    transfer = coordinator.log.propose("alice", amount=str(5 * WEI))
    coordinator.log.stopped("transfer.rejected", "transfer.reject", {"transfer": transfer}, ("bob",))
    document = await shown(client, transfer)
    assert (document["status"], document["closed"]) == ("closed", "rejected by bob")
    assert document["timeline"][-1]["text"] == "rejected by bob"


async def test_a_freeze_is_named(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    transfer = coordinator.log.propose()
    freeze = {"scope": "wallet", "target": "hot-eth", "reason": "phone stolen"}
    coordinator.log.stopped("workspace.frozen", "workspace.freeze", freeze, ("bob",))
    document = await shown(client, transfer)
    assert document["status"] == "denied" and document["awaiting"]["code"] == "workspace.frozen"
    assert "phone stolen" in document["awaiting"]["text"]


async def test_lost_nodes_are_counted(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    transfer = coordinator.log.propose()
    coordinator.losing("signer-1", "signer-2")
    document = await shown(client, transfer)
    assert document["status"] == "stalled"
    awaiting = document["awaiting"]
    assert (awaiting["code"], awaiting["text"]) == ("quorum.unreachable", "quorum 1 of 2, witnesses 2 of 3")


async def test_what_the_coordinator_did_and_what_a_signer_refused(
    client: httpx.AsyncClient, coordinator: Coordinator
) -> None:
    transfer, now = coordinator.log.propose(), coordinator.log.time
    coordinator.log.authorize(transfer)
    refusal = Refusal(now + 3, "signer-2", "sign", "payload.amount_differs", "the payload moves another amount")
    events = (Event(now + 1, "authorized", "repeats the log"), Event(now + 2, "signing", "asked signer-1, signer-2"))
    coordinator.told[transfer] = Activity(events, (refusal,))
    document = await shown(client, transfer)
    assert document["status"] == "refused"
    texts = [item["text"] for item in document["timeline"]]
    assert "repeats the log" not in texts and texts[-2] == "signing: asked signer-1, signer-2"
    assert texts[-1] == "signer-2 refused to sign: the payload moves another amount [payload.amount_differs]"
    again = Activity((*events, Event(now + 9, "signing", "asked signer-1, signer-3")), (refusal,))
    coordinator.told[transfer] = again
    assert (await shown(client, transfer))["status"] == "in_progress"


async def test_waiting_ends_with_the_change(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    transfer = coordinator.log.propose("alice", amount=str(5 * WEI))
    known = await shown(client, transfer)

    async def later() -> None:
        await asyncio.sleep(0.05)
        coordinator.log.approve(transfer, "bob", known["decision"]["digest"])
        coordinator.change.set()

    path = f"/v1/transfers/{transfer}?wait=60&version={known['version']}"
    response, _ = await asyncio.gather(client.get(path), later())
    assert len(response.json()["approvals"]) == 1
    behind = await client.get(path)  # what the caller knows is older than what is: no waiting
    assert behind.json()["version"] != known["version"]


async def test_lists(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    made = []
    for index in range(5):
        coordinator.log.time += 10
        made.append(coordinator.log.propose(amount=str(index + 1)))
    coordinator.log.stopped("transfer.cancelled", "transfer.cancel", {"transfer": made[0]}, ("exchange",))
    response = await client.get("/v1/transfers?limit=3")
    Transfers.model_validate(response.json())
    assert [row["id"] for row in response.json()["transfers"]] == made[:1:-1]
    assert response.json()["transfers"][0]["to"]["account"] == PAYEE
    still = (await client.get("/v1/transfers?open=1")).json()["transfers"]
    assert {row["id"] for row in still} == set(made[1:])


async def test_the_signed_proposal_is_found_in_a_long_log(coordinator: Coordinator) -> None:
    from strongroom.api.app import create_app

    log: Workspace = coordinator.log
    made = []
    for index in range(30):
        log.time += index % 2  # pairs of entries share a time
        made.append(log.propose(amount=str(index + 1), asset=ETH))
    transport = httpx.ASGITransport(create_app(coordinator, clock=lambda: log.time))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for name in made:
            found = (await client.get(f"/v1/transfers/{name}/proposal")).json()
            ProposalEvidence.model_validate(found)
            assert statement_hash(Envelope.from_doc(found["envelope"])) == name
            assert log.entries[found["entry"]].body == {"transfer": name}
