"""The notice board over a real log: who is told what, in which order, also after a crash."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from strongroom.coordinator.notices import board
from strongroom.coordinator.notices.notice import Event
from strongroom.coordinator.notices.receivers import Receiver
from strongroom.custody.decision import verdict
from strongroom.custody.moment import Moment
from strongroom.custody.state import Phase, TransferId
from strongroom.documents.credentials import SigningKey
from strongroom.errors import Refused
from strongroom.policy.evaluate import Allowed
from strongroom.store.database import Database
from tests.unit.coordinator.doubles import Coordinator
from tests.unit.coordinator.notices.conftest import Make, by_hook
from tests.unit.coordinator.notices.receiving import Hook, Mailbox, verify
from tests.unit.coordinator.test_transfer import ended, propose, ready, transfer
from tests.workspace import PAYEE, WEI


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(board, "LONGEST_PAUSE", 0.02)


async def approve(made: Coordinator, name: TransferId, person: str) -> None:
    record = transfer(made, name)
    allowed = verdict(made.house.desk.state, record, Moment.at(made.now))
    assert isinstance(allowed, Allowed)
    subject, obligations = {"transfer": name}, allowed.obligations.digest
    await made.house.service.submit(made.desk.statement(person, "transfer.approve", subject, obligations=obligations))


async def freeze(made: Coordinator, person: str = "carol") -> None:
    subject = {"scope": "workspace", "target": "", "reason": "<b>rumour</b>"}
    await made.house.service.submit(made.desk.statement(person, "workspace.freeze", subject, bare=True))


async def larger(made: Coordinator) -> TransferId:
    """Alice asks for 5 ETH, which takes two others."""
    return await propose(made, "alice", amount=str(5 * WEI), why="secret plans")


async def test_a_transfer_is_told_of_in_order_and_signed(make: Make, hook: Hook) -> None:
    """It waits for those who may approve, is approved once nothing is lacking, and completes; nothing private."""
    made = make(by_hook(hook))
    await ready(made)
    name = await larger(made)
    await made.until(lambda: hook.events() == ["waits_for_you"])
    await approve(made, name, "bob")
    await approve(made, name, "carol")
    await ended(made, name, Phase.COMPLETED)
    await made.until(lambda: len(hook.events()) == 3)
    assert hook.events() == ["waits_for_you", "approved", "completed"]
    asked, approved, _ = [doc["data"] for doc in hook.taken()]
    assert asked["people"] == ["bob", "carol"] and asked["transfer"] == name and asked["amount"] == str(5 * WEI)
    assert asked["text"].startswith("5 ETH from hot-eth by alice") and "2 of treasury" in asked["text"]
    assert approved["people"] == ["alice", "bob", "carol"]
    key = made.house.service.notice_key()
    assert key is not None
    for headers, body in hook.got:
        verify(key, headers, body)
        assert b"secret" not in body and PAYEE.encode() not in body
        with pytest.raises(Refused, match=r"credential\.bad_signature"):
            verify(SigningKey.generate().credential, headers, body)
        with pytest.raises(Refused, match=r"credential\.bad_signature"):
            verify(key, headers | {"webhook-timestamp": "1"}, body)


async def test_one_person_is_told_of_what_concerns_them(make: Make, hook: Hook) -> None:
    """Bob may approve what Alice asks for, and has no part in what the service pays; a freeze is everybody's."""
    made = make(by_hook(hook, person="bob"))
    await ready(made)
    await ended(made, await propose(made), Phase.COMPLETED)
    await larger(made)
    await freeze(made)
    await made.until(lambda: len(hook.events()) == 2)
    assert sorted(hook.events()) == ["frozen", "waits_for_you"]


async def test_only_the_events_asked_for(make: Make, hook: Hook) -> None:
    made = make(by_hook(hook, Event.COMPLETED))
    await ready(made)
    await larger(made)
    await ended(made, await propose(made), Phase.COMPLETED)
    await made.until(lambda: hook.events() == ["completed"])


async def test_a_freeze_is_told_of_although_no_quorum_cosigns(make: Make, hook: Hook) -> None:
    """The witnesses are away: the stop is told of at once, and not again once they are back."""
    made = make(by_hook(hook))
    await ready(made)
    for name in list(made.wires.nodes):
        made.wires.part(name)
    await freeze(made)
    await made.until(lambda: hook.events() == ["frozen"])
    assert made.house.desk.cosigned.size < made.house.desk.state.size
    assert hook.taken()[0]["data"]["by"] == ["carol"] and "rumour" not in json.dumps(hook.taken())
    for node in made.nodes.values():
        made.wires.join(node)
    await made.until(lambda: made.house.desk.cosigned.freezes)
    freeze_id = next(iter(made.house.desk.cosigned.freezes))
    for person in ("alice", "bob"):
        await made.house.service.submit(made.desk.statement(person, "workspace.unfreeze", {"freeze": freeze_id}))
    await made.until(lambda: "unfrozen" in hook.events())
    assert hook.events() == ["frozen", "waits_for_you", "unfrozen"] and len(hook.got) == 3


async def test_what_an_administrator_signed_waits_for_the_others(make: Make, hook: Hook) -> None:
    """One signature of two is collected: the other administrators are told, with what and by whom."""
    made = make(by_hook(hook))
    await ready(made)
    routes = [{"route": "key", "key": "hot-ecdsa"}]
    body = {"name": "second", "chain": next(iter(made.house.desk.state.policy.chains)), "key": "hot-ecdsa",  # type: ignore[union-attr]
            "path": [7], "tier": "hot", "routes": routes}  # fmt: skip
    await made.house.service.submit(made.desk.statement("alice", "wallet.open", body))
    await made.until(lambda: hook.events() == ["waits_for_you"])
    data = hook.taken()[0]["data"]
    assert data["people"] == ["bob", "carol"] and data["kind"] == "wallet.open" and data["by"] == "alice"


async def test_a_rejection_and_a_signer_s_refusal_are_told(make: Make, hook: Hook) -> None:
    """People's no and a signer's no; what a signer only says of the moment is not news."""
    made = make(by_hook(hook, Event.REFUSED))
    await ready(made)
    name = await larger(made)
    await made.house.service.submit(made.desk.statement("bob", "transfer.reject", {"transfer": name}, bare=True))
    await made.until(lambda: len(hook.events()) == 1)
    other = await larger(made)
    tell = made.house.desk.timeline.refusal
    tell(other, "signer-1", "sign", "checkpoint.stale", "old")
    tell(other, "signer-1", "sign", "payload.recipients_differ", "not what was approved")
    await made.until(lambda: len(hook.events()) == 2)
    assert [doc["data"].get("code") for doc in hook.taken()] == [None, "payload.recipients_differ"]
    assert "rejected by bob" in hook.taken()[0]["data"]["text"]


@pytest.mark.parametrize("status", [500, 302, 410])
async def test_a_receiver_that_does_not_take_it_is_tried_again_in_order(make: Make, hook: Hook, status: int) -> None:
    """Nothing overtakes; a redirect is not followed; `status` says who gets nothing, without the address."""
    hook.status = status
    made = make(by_hook(hook))
    await ready(made)
    name = await larger(made)
    await made.until(lambda: len(hook.got) >= 3)
    await made.house.service.submit(made.desk.statement("bob", "transfer.reject", {"transfer": name}, bare=True))
    await freeze(made)
    assert set(hook.events()) == {"waits_for_you"}
    finding = [each for each in made.house.service.health().findings if "desk" in each]
    assert finding and "notice.status" in finding[0]
    assert not [line for line in (*made.said, *finding) if "s3cret" in line or "127.0.0.1" in line]
    hook.status, before = 204, len(hook.got)
    await made.until(lambda: len(hook.events()) == 3)
    assert hook.events()[0] == "waits_for_you" and len(hook.got) == before + 3
    await made.until(lambda: not [each for each in made.house.service.health().findings if "desk" in each])


async def test_a_receiver_that_is_down_holds_nobody_up(make: Make, hook: Hook, mailbox: Mailbox) -> None:
    """Transfers go on, and the other receivers get theirs: mail in plain words, markup escaped."""
    await hook.stop()
    made = make(by_hook(hook), Receiver("mail", frozenset(Event), apprise=mailbox.address))
    await ready(made)
    await ended(made, await propose(made), Phase.COMPLETED)
    await made.until(lambda: len(mailbox.mails) == 1)
    assert "0.5 ETH from hot-eth by exchange" in mailbox.texts()[0]
    await hook.start()


async def test_nothing_is_lost_or_doubled_by_a_crash(make: Make, hook: Hook) -> None:
    """What was due and not delivered goes out after the next start, the oldest first, each once."""
    hook.status = 503
    made = make(by_hook(hook))
    await ready(made)
    first = await larger(made)
    await made.until(lambda: hook.got)
    await made.crash()
    hook.status = 204
    hook.got.clear()
    await ready(made)
    await made.house.service.submit(made.desk.statement("bob", "transfer.reject", {"transfer": first}, bare=True))
    await made.until(lambda: hook.events() == ["waits_for_you", "refused"])
    await made.crash()
    await ready(made)
    await freeze(made)
    await made.until(lambda: hook.events() == ["waits_for_you", "refused", "frozen"])
    assert len(hook.got) == 3


async def test_what_was_cosigned_and_not_yet_told_is_found_in_the_log(make: Make, hook: Hook) -> None:
    """A crash between the checkpoint and the outbox: the place in the log says what is still to be told."""
    made = make(by_hook(hook))
    await ready(made)
    name = await larger(made)
    await made.until(lambda: hook.events() == ["waits_for_you"])
    place = made.house.desk.state.size
    await made.house.service.submit(made.desk.statement("bob", "transfer.reject", {"transfer": name}, bare=True))
    await made.until(lambda: len(hook.events()) == 2)
    await made.crash()
    with made.engine.begin() as connection:
        connection.execute(text("DELETE FROM notices WHERE document LIKE '%\"refused\"%'"))
        connection.execute(text("UPDATE notice_receivers SET size = :place"), {"place": place})
    hook.got.clear()
    await ready(made)
    await made.until(lambda: hook.events() == ["refused"])


async def test_a_new_receiver_hears_of_what_comes_from_now_on(make: Make, hook: Hook) -> None:
    """Not of the history, and not of what waits since before."""
    made = make()
    await ready(made)
    name = await larger(made)
    await made.until(lambda: made.house.desk.cosigned.size == made.house.desk.state.size)
    await made.crash()
    again = make(by_hook(hook))
    await ready(again)
    await again.house.service.submit(again.desk.statement("bob", "transfer.reject", {"transfer": name}, bare=True))
    await again.until(lambda: hook.events() == ["refused"])


async def test_a_store_of_before_gets_its_outbox(make: Make, hook: Hook) -> None:
    """A database without the tables is given them when it is opened."""
    made = make(by_hook(hook))
    with made.engine.begin() as connection:
        connection.execute(text("DROP TABLE notices"))
        connection.execute(text("DROP TABLE notice_receivers"))
    Database(made.engine).close()
    await ready(made)
    await freeze(made)
    await made.until(lambda: hook.events() == ["frozen"])
