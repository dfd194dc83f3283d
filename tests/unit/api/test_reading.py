"""What is only read: every answer has its declared form, and the declaration itself is valid OpenAPI."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from strongroom.api import models
from strongroom.log.entry import leaf_hash, parse_entry
from tests.unit.api.coordinator import ChainHealth, Coordinator, KeygenProgress
from tests.workspace import OTHER, TOKEN, WEI, seeded

FORMS: dict[str, type[models.Form]] = {
    "/v1/workspace": models.Workspace,
    "/v1/checkpoint": models.CheckpointAnswer,
    "/v1/entries?from=0&limit=3": models.Entries,
    "/v1/status": models.StatusAnswer,
    "/v1/status?digests=1": models.StatusAnswer,
    "/v1/policy": models.PolicyAnswer,
    "/v1/keys": models.Keys,
    "/v1/keygens": models.Keygens,
    "/v1/wallets": models.Wallets,
    "/v1/addresses": models.Addresses,
    "/v1/freezes": models.Freezes,
    "/v1/transfers": models.Transfers,
}


@pytest.fixture
def busy(coordinator: Coordinator) -> Coordinator:
    """A workspace in which there is something of everything."""
    log = coordinator.log
    log.propose()
    listing = {"account": OTHER, "group": "vendors", "label": "Acme Ltd"}
    log.granted("address.listed", "address.list", listing, ("alice",))
    freeze = {"scope": "workspace", "target": "", "reason": "drill"}
    log.stopped("workspace.frozen", "workspace.freeze", freeze, ("bob", "carol"))
    draft = {**log.policy, "version": 2, "cool_down": 1}
    from strongroom.policy.loader import load_policy

    subject = {"policy": load_policy(draft).digest, "version": 2}
    statements = [log.statement(name, "policy.propose", subject) for name in ("alice", "bob")]
    log.add("policy.proposed", {"policy": draft}, statements)
    coordinator.progress = (KeygenProgress("hot-2", "round 2", 3, 9),)
    return coordinator


@pytest.mark.parametrize("path", FORMS)
async def test_answers_have_their_declared_form(client: httpx.AsyncClient, busy: Coordinator, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 200
    FORMS[path].model_validate(response.json(), strict=True)


async def test_the_description_is_valid_and_complete(client: httpx.AsyncClient) -> None:
    response = await client.get("/openapi.json")
    document = response.json()
    assert document["openapi"].startswith("3.1")
    validate(document)
    text = json.dumps(document)
    assert "HTTPValidationError" not in text and '"422"' not in text
    paths = document["paths"]
    assert {path.partition("?")[0] for path in FORMS} <= paths.keys()
    posted = paths["/v1/transfers"]["post"]
    assert {"200", "201", "400", "403", "409", "503"} <= posted["responses"].keys()
    assert posted["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/DsseEnvelope")
    for status in ("400", "403", "409"):
        schema = posted["responses"][status]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith("/ErrorAnswer")


async def test_entries_are_the_log_itself(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    found = (await client.get("/v1/entries?from=1&limit=2")).json()
    assert [row["index"] for row in found["entries"]] == [1, 2]
    for row in found["entries"]:
        raw = row["raw"].encode()
        assert raw == coordinator.log.entries[row["index"]].raw and leaf_hash(raw).hex() == row["leaf"]


async def test_the_bundle_holds_every_cosigned_entry(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    text = (await client.get("/v1/bundle")).text
    head, _, rest = text.partition("\n\n")
    lines = head.split("\n")
    assert lines[0] == f"strongroom-bundle/v2 {coordinator.workspace}"
    assert rest.startswith(coordinator.note + f"\nend {coordinator.state.size} 0 ")
    assert len(lines) == 1 + coordinator.state.size
    for line, entry in zip(lines[1:], coordinator.log.entries, strict=True):
        leaf, _, raw = line.partition(" ")
        assert parse_entry(raw.encode()).leaf.hex() == leaf == entry.leaf.hex()


async def test_the_status_says_what_is_missing(client: httpx.AsyncClient, busy: Coordinator) -> None:
    busy.losing("guardian-1")
    gone = ChainHealth("eip155:31337", reachable=False, block=None, error="connection refused")
    busy.well = replace(busy.well, chains=(gone,), findings=("guardian-1 is not connected",))
    busy.log.time = busy.log.state.policy.expires - 86_400_000  # type: ignore[union-attr]
    document = (await client.get("/v1/status")).json()
    found = "\n".join(document["findings"])
    for words in (
        "guardian-1 is not connected",
        "frozen: workspace (drill)",
        "version 1 of the policy expires in 1 day",
    ):
        assert words in found
    assert document["witnesses"] == {"have": 3, "need": 3}
    assert document["log"]["fresh"] == busy.log.time // 1000 * 1000


async def test_balances_are_shown_where_they_are_known(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    def balances() -> Any:
        return {"hot-eth": {TOKEN: 2**200, "eip155:31337/slip44:60": WEI}}

    coordinator.balances = balances  # type: ignore[attr-defined]
    (row,) = (await client.get("/v1/wallets")).json()["wallets"]
    assert row["balances"][TOKEN] == str(2**200)
    assert row["address"] != row["address"].lower() and row["account"].endswith(row["address"].lower())


async def test_before_the_first_checkpoint_there_is_none(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    class Young(Coordinator):
        note = ""  # type: ignore[assignment]

    coordinator.__class__ = Young
    response = await client.get("/v1/checkpoint")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "checkpoint.missing")


async def test_the_key_of_webhooks_is_published(client: httpx.AsyncClient, coordinator: Coordinator) -> None:
    """In hex and in the form of Standard Webhooks; there is none without webhooks."""
    answer = await client.get("/v1/notices/key")
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "notices.no_key"
    coordinator.notices = key = seeded("notices").credential
    found = (await client.get("/v1/notices/key")).json()
    assert found["public"] == key.public.hex()
    assert base64.b64decode(found["webhook"].removeprefix("whpk_")) == key.public
    models.NoticeKey.model_validate(found)
