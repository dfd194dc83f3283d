"""Statements in: alone, collected towards a threshold, refused; stops reach every node at once."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.coordinator.answers import Submission
from strongroom.coordinator.awaiting import awaited
from strongroom.custody.state import TransferId
from strongroom.documents.statement import from_envelope
from strongroom.errors import Denied, InvalidInput, Refused
from strongroom.policy.loader import load_policy
from tests.unit.coordinator.doubles import Coordinator
from tests.workspace import CHAIN, ETH, HOUR, PAYEE, TOKEN, Workspace


@pytest.fixture
async def made(coordinator: Coordinator) -> Coordinator:
    await coordinator.start()
    await coordinator.until(lambda: coordinator.house.desk.cosigned.size == coordinator.house.desk.state.size)
    return coordinator


async def state_it(made: Coordinator, person: str, kind: str, subject: dict[str, Any], **more: Any) -> Submission:
    attachment = more.pop("attachment", None)
    return await made.house.service.submit(made.desk.statement(person, kind, subject, **more), attachment)


def opening(name: str, path: list[int]) -> dict[str, Any]:
    routes = [{"route": "key", "key": "hot-ecdsa"}]
    return {"name": name, "chain": CHAIN, "key": "hot-ecdsa", "path": path, "tier": "hot", "routes": routes}


async def test_a_wallet_opens_with_the_second_administrator(made: Coordinator) -> None:
    """The first statement is kept, also over a restart; the same person twice is still one."""
    size = made.house.desk.state.size
    first = await state_it(made, "alice", "wallet.open", opening("second", [1]))
    assert (first.status, first.entry) == ("collected", None) and "2 people" in first.lacking
    assert (await state_it(made, "alice", "wallet.open", opening("second", [1]))).status == "collected"
    await made.crash()
    await made.start()
    other = await state_it(made, "bob", "wallet.open", opening("third", [2]))
    assert other.status == "collected" and made.house.desk.state.size == size
    done = await state_it(made, "bob", "wallet.open", opening("second", [1]))
    assert (done.status, done.entry) == ("logged", size)
    assert "second" in made.house.service.state.wallets
    await made.house.desk.sequencer.durable(size)
    kept = {row.person for row in made.house.desk.records.collected("wallet.open")}
    assert kept <= {"alice", "bob"}
    with pytest.raises(Refused, match=r"wallet\.exists|statement\.already_counted"):
        await state_it(made, "carol", "wallet.open", opening("second", [1]))
        await state_it(made, "bob", "wallet.open", opening("second", [1]))


async def test_expired_company_does_not_count(made: Coordinator) -> None:
    """A collected statement that has expired is dropped, and the next person starts anew."""
    await state_it(made, "alice", "wallet.open", opening("second", [1]), not_after=made.now + 1000)
    made.now += 5000
    again = await state_it(made, "bob", "wallet.open", opening("second", [1]))
    assert again.status == "collected"
    assert (await state_it(made, "carol", "wallet.open", opening("second", [1]))).status == "logged"


async def test_who_has_no_part_is_denied(made: Coordinator) -> None:
    """A service does not open wallets, and nothing of it is kept."""
    with pytest.raises(Denied, match=r"authority\.threshold"):
        await state_it(made, "exchange", "wallet.open", opening("second", [1]))
    with pytest.raises(Refused, match=r"statement\.unknown_key|credential"):
        made.desk.keys["mallory"] = made.desk.keys["signer-1"]
        await state_it(made, "mallory", "wallet.open", opening("second", [1]))
    with pytest.raises(InvalidInput, match=r"statement\.unknown_kind"):
        await state_it(made, "alice", "workspace.explode", {})
    with pytest.raises(InvalidInput, match=r"statement\.attachment"):
        await state_it(made, "alice", "wallet.close", {"wallet": "hot-eth"}, attachment={})
    assert made.house.desk.records.collected() == []


async def test_a_freeze_reaches_every_node_and_relay_and_stops_transfers(made: Coordinator) -> None:
    """One freezer is enough; the second in a week waits for company."""
    freeze = {"scope": "wallet", "target": "hot-eth", "reason": "a strange withdrawal"}
    done = await state_it(made, "alice", "workspace.freeze", freeze, bare=True)
    assert done.status == "logged"
    for node in made.nodes.values():
        await made.until(lambda node=node: any(frame.kind == "stop" for frame in node.seen))
    intent = made.desk.intent(until=made.now + HOUR)
    with pytest.raises(Denied, match=r"workspace\.frozen"):
        await state_it(made, "exchange", "transfer.propose", intent)
    again = {**freeze, "reason": "another one"}
    assert (await state_it(made, "alice", "workspace.freeze", again, bare=True)).status == "collected"
    both = await state_it(made, "bob", "workspace.freeze", {**again, "reason": "alone"}, bare=True)
    assert both.status == "logged"
    assert [from_envelope(stop).person for stop in made.passed_on] == ["alice", "bob"]
    name = next(iter(made.house.service.state.freezes))
    for person in ("alice", "bob"):
        last = await state_it(made, person, "workspace.unfreeze", {"freeze": name})
    assert last.status == "logged"


async def test_a_policy_comes_into_force_after_its_cool_down(made: Coordinator) -> None:
    """The document is attached once; when its time has come the coordinator notes the adoption by itself."""
    document = copy.deepcopy(made.desk.policy)
    document["version"] = 2
    document["rules"][0]["when"]["amount"]["max"] = "7"
    new = load_policy(document)
    subject = {"policy": new.digest, "version": 2}
    with pytest.raises(InvalidInput, match=r"policy\.attachment"):
        await state_it(made, "alice", "policy.propose", subject)
    with pytest.raises(InvalidInput, match=r"policy\.attachment"):
        await state_it(made, "alice", "policy.propose", subject, attachment=made.desk.policy)
    assert (await state_it(made, "alice", "policy.propose", subject, attachment=document)).status == "collected"
    assert (await state_it(made, "bob", "policy.propose", subject)).status == "logged"
    await made.until(lambda: made.house.service.cosigned.proposal)
    assert made.house.service.state.policy and made.house.service.state.policy.version == 1
    made.now += 3_601_000
    await made.until(lambda: made.house.service.cosigned.policy and made.house.service.cosigned.policy.version == 2)


async def test_an_address_is_listed_by_its_group(made: Coordinator) -> None:
    """The address group's own threshold, here one."""
    listing = {"account": PAYEE, "group": "vendors", "label": "the printer"}
    assert (await state_it(made, "carol", "address.list", listing)).status == "logged"
    with pytest.raises(Refused, match=r"address\.exists"):
        await state_it(made, "bob", "address.list", listing)
    with pytest.raises(Refused, match=r"address\.group_unknown"):
        await state_it(made, "bob", "address.list", {**listing, "group": "nobody"})


async def test_a_nodes_request_is_logged_once(made: Coordinator) -> None:
    """A new boot, asked for twice; a stop that every node brings; an entry that is not a node's to ask for."""
    desk, hall = made.desk, made.house.hall
    body = {"node": "signer-1", "boot": "77" * 32, "exchange": "88" * 32}
    evidence = [desk.statement("signer-1", "signer.start", body).to_doc()]
    frame = made.nodes["signer-1"].frame("submit", {"kind": "signer.started", "body": body, "evidence": evidence})
    size = made.house.desk.state.size
    hall.take("signer-1", frame)
    hall.take("signer-1", frame)
    assert made.house.desk.state.size == size + 1
    stop = {"wallet": "hot-eth"}
    evidence = [desk.statement("alice", "wallet.close", stop, bare=True).to_doc()]
    for node in made.nodes.values():
        hall.take(node.name, node.frame("submit", {"kind": "wallet.closed", "body": stop, "evidence": evidence}))
    assert [from_envelope(stop).kind for stop in made.passed_on] == ["wallet.close"]
    assert made.house.desk.state.size == size + 2
    for kind in ("policy.adopted", "transfer.authorized", "wallet.opened"):
        hall.take("signer-1", made.nodes["signer-1"].frame("submit", {"kind": kind, "body": {}, "evidence": evidence}))
    assert made.house.desk.state.size == size + 2


@pytest.fixture
async def wide(tmp_path: Path) -> AsyncIterator[Coordinator]:
    """A coordinator whose policy has fold rules 2, with prices."""
    desk = Workspace()
    desk.policy = desk.second_fold()
    desk.ready()
    made = Coordinator(tmp_path, desk)
    await made.start()
    await made.until(lambda: made.house.desk.cosigned.size == made.house.desk.state.size)
    yield made
    await made.close()


async def test_prices_are_logged_with_the_second_oracle(wide: Coordinator) -> None:
    body = {"prices": {ETH: "200000000000000", TOKEN: "90000000000"}, "observed": wide.now}
    with pytest.raises(Denied, match=r"authority\.threshold"):
        await state_it(wide, "alice", "valuation.state", body)
    assert (await state_it(wide, "oracle-1", "valuation.state", body)).status == "collected"
    assert (await state_it(wide, "oracle-3", "valuation.state", body)).status == "logged"
    assert wide.house.service.state.prices is not None


async def test_a_transfer_waits_for_its_screening_and_says_so(wide: Coordinator) -> None:
    body = {"prices": {ETH: "200000000000000", TOKEN: "90000000000"}, "observed": wide.now}
    for oracle in ("oracle-1", "oracle-2"):
        await state_it(wide, oracle, "valuation.state", body)
    intent = wide.desk.intent(asset=TOKEN, amount="5000000", until=wide.now + HOUR)
    asked = await state_it(wide, "alice", "transfer.propose", intent)
    assert asked.transfer is not None
    name = TransferId(asked.transfer)
    await wide.until(lambda: awaited(wide.house.desk, name)[1] == "screening.not_signed")
    assert "screener" in awaited(wide.house.desk, name)[0]
    word = {"transfer": name, "result": "clear", "reference": "case 7"}
    with pytest.raises(Refused, match=r"screening\.not_signed"):
        await state_it(wide, "oracle-1", "transfer.screen", word)
    done = await state_it(wide, "screener", "transfer.screen", word)
    assert (done.status, done.transfer) == ("logged", name)
    await wide.until(lambda: wide.house.service.state.transfers[name].authorization is not None)
