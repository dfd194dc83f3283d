"""Transfers on the pages: proposed by the form, listed page by page, with everything that they do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.api.app import create_app
from strongroom.console.recent import newest, open_ones
from strongroom.custody.ledger import Register
from strongroom.custody.state import EMPTY, TransferId
from tests.unit.api.coordinator import Coordinator
from tests.unit.console.browser import ORIGIN, Forms, Person
from tests.unit.console.conftest import PASSKEYS, policy
from tests.workspace import CHAIN, ETH, OTHER, PAYEE, TOKEN, TOKEN_CONTRACT, WEI, Workspace

FORM = {"from": "hot-eth", "to": PAYEE.rpartition(":")[2], "asset": ETH, "amount": "2", "why": "rent", "hours": "1"}


async def test_a_transfer_is_proposed_by_the_form(alice: Person, coordinator: Coordinator) -> None:
    """Twice the same form is the same transfer."""
    page = await alice.get("/propose/review", **FORM, idempotency="one")
    fields, options = Forms(page.text).to("/console/acts/transfer.propose")
    answer = {"answer": alice.answer(options)}
    first = await alice.post("/acts/transfer.propose", fields | answer)
    (name,) = coordinator.state.open
    assert first.headers["location"] == f"/console/transfers/{name}"
    assert coordinator.state.transfers[name].intent.amount == 2 * WEI
    again = await alice.post("/acts/transfer.propose", fields | answer)
    assert again.headers["location"] == first.headers["location"] and len(coordinator.state.open) == 1
    assert "the same transfer" in (await alice.get(f"/transfers/{name}")).text


@pytest.mark.parametrize(
    ("changes", "verdict", "code"),
    [
        ({}, "waits", ""),
        ({"amount": "60"}, "denied", "policy.no_rule"),
        ({"amount": "1,000.5"}, "denied", "policy.no_rule"),
        ({"amount": "-1"}, "denied", "amount.syntax"),
        ({"amount": "0"}, "denied", "amount.zero"),
        ({"amount": ""}, "open", ""),
        ({"to": ""}, "open", ""),
        ({"to": "hot-eth"}, "waits", ""),
        ({"to": "0x70997970C51812dc3A010C7d01b50e0d17dc79c9"}, "denied", "address.checksum"),
        ({"to": "bob"}, "denied", "address.syntax"),
        ({"from": "nowhere"}, "denied", "wallet.unknown"),
        ({"asset": "eip155:1/slip44:60"}, "denied", "asset.unknown"),
        ({"asset": TOKEN, "amount": "1.1234567"}, "denied", "amount.precision"),
        ({"hours": "9"}, "denied", "intent.until"),
        ({"hours": "168"}, "denied", "intent.until_too_far"),
    ],
)
async def test_the_policy_answers_while_somebody_writes(
    alice: Person, coordinator: Coordinator, changes: dict[str, str], verdict: str, code: str
) -> None:
    """The fold's own answer, and nothing comes of it."""
    before = coordinator.state
    answer = (await alice.get("/propose/answer", **{**FORM, "idempotency": "x", **changes})).json()
    assert (answer["verdict"], answer["code"]) == (verdict, code), answer
    assert coordinator.state is before


async def test_a_denied_form_offers_nothing_to_sign(alice: Person) -> None:
    """Only the way back to it."""
    page = (await alice.get("/propose/review", **{**FORM, "amount": "60"}, idempotency="x")).text
    assert "policy.no_rule" in page and "data-passkey" not in page and "Change it" in page


async def test_the_list_goes_back_page_by_page(alice: Person, coordinator: Coordinator) -> None:
    """Every transfer once, newest first."""
    names = [coordinator.log.propose(amount=str(1000 + number)) for number in range(120)]
    seen: list[str] = []
    path: str | None = "/transfers"
    while path is not None:
        page = (await alice.get(path)).text
        seen += [part.split('"')[0] for part in page.split('money"><a href="/console/transfers/')[1:]]
        older = page.partition('rel="next"')[0].rpartition('href="/console')[2] if 'rel="next"' in page else ""
        path = older.split('"')[0].replace("&amp;", "&") or None
    assert seen == names[::-1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), max_size=700), st.integers(0, 800))
def test_every_transfer_is_found_once_wherever_a_page_begins(still_open: list[bool], before: int) -> None:
    """Numbers are those of the log; what has ended is passed over where only open ones are asked for."""
    names = [number.to_bytes(32, "big") for number in range(len(still_open))]
    register = Register()
    for name in names:
        register = register.add(name, bytes(31) + b"\xff")
    opened = {TransferId(name.hex()): None for name, each in zip(names, still_open, strict=True) if each}
    state = replace(EMPTY, proposals=register, open=EMPTY.open.update(opened))
    found = list(newest(state, before))
    assert [row.number for row in found] == list(range(min(before, len(names)) - 1, -1, -1))
    assert [row.name for row in open_ones(state, before)] == [row.name for row in found if row.name in opened]


async def test_what_a_call_does_is_said_before_it_is_approved() -> None:
    """An approve of LUSD is no empty payment of ETH."""
    document: dict[str, Any] = json.loads(json.dumps(policy()))
    contract = f"{CHAIN}:{TOKEN_CONTRACT}"
    spend = {"contracts": [contract], "method": "approve(address,uint256)", "arguments": []}
    rule = next(each for each in document["rules"] if each["name"] == "larger ETH")
    document["rules"].insert(
        0,
        {
            "name": "allowances",
            "when": {"initiator": {"groups": ["treasury"]}, "asset": [TOKEN], "operation": [{"call": spend}]},
            "allow": rule["allow"],
        },
    )
    fresh = Coordinator(Workspace(policy=document).ready())
    data = "095ea7b3" + OTHER.rpartition("0x")[2].rjust(64, "0") + f"{5_000_000:064x}"
    subject = fresh.log.intent()
    for name in ("to", "asset", "amount"):
        del subject[name]
    subject["call"] = {"to": contract, "value": "0", "data": data}
    envelope = fresh.log.statement("carol", "transfer.propose", subject)
    await fresh.submit(envelope)
    (name,) = fresh.state.open
    bob = Person(create_app(fresh, clock=lambda: fresh.log.time, console=ORIGIN), PASSKEYS["bob"])
    await bob.sign_in()
    for path in ("/", f"/transfers/{name}", f"/acts/transfer.approve?transfer={name}"):
        page = (await bob.get(path)).text
        assert "spend 5 LUSD" in page and "lets 0x3C44" in page, path
