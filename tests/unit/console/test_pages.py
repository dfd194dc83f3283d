"""Every page, read by somebody who is signed in."""

from __future__ import annotations

import pytest

from tests.unit.api.coordinator import Coordinator
from tests.unit.console.browser import Person
from tests.workspace import WEI


async def test_signing_in_shows_the_inbox(alice: Person) -> None:
    """With nothing in it at first."""
    page = await alice.get("/")
    assert page.status_code == 200 and "Nothing waits for you" in page.text and "alice" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/transfers", "/transfers?show=open", "/wallets", "/people", "/policy", "/audit", "/audit/0", "/propose",
        "/acts/workspace.freeze", "/acts/address.list", "/policy/draft",
    ],
)  # fmt: skip
async def test_every_page_is_drawn(alice: Person, path: str) -> None:
    """Without anything undefined."""
    page = await alice.get(path)
    assert page.status_code == 200, page.text


async def test_two_people_approve_a_transfer(alice: Person, bob: Person, coordinator: Coordinator) -> None:
    """The inbox shows it to both, and not to its initiator."""
    name = coordinator.log.propose(by="carol", amount=str(2 * WEI))
    for person in (alice, bob):
        assert name in (await person.get("/")).text
        assert (await person.act("transfer.approve", transfer=name)).status_code == 303
        assert name not in (await person.get("/")).text
    assert {a.person for a in coordinator.state.transfers[name].approvals} == {"alice", "bob"}
    assert "bob approved" in (await alice.get(f"/transfers/{name}")).text
