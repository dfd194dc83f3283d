"""A transfer's way from a statement to a completed entry."""

from __future__ import annotations

from strongroom.custody.state import Phase, TransferId
from tests.unit.coordinator.doubles import Coordinator


async def test_a_transfer_is_proposed_authorized_signed_sent_and_completed(coordinator: Coordinator) -> None:
    """One statement in; the payload reaches the chain once, and the log says so."""
    house = await coordinator.start()
    await coordinator.until(lambda: house.desk.sequencer.ready and house.service.note)
    desk = coordinator.desk
    envelope = desk.statement("exchange", "transfer.propose", desk.intent())
    done = await house.service.submit(envelope)
    assert done.status == "logged" and done.transfer
    name = TransferId(done.transfer)
    await coordinator.until(lambda: coordinator.chain.sent)
    coordinator.chain.mine()
    await coordinator.until(lambda: house.service.cosigned.transfers[name].phase is Phase.COMPLETED)
    assert len(set(coordinator.chain.sent)) == 1
    activity = house.service.activity(name)
    assert [event.stage for event in activity.events] == [
        "proposed", "authorized", "signed", "broadcast", "completed",
    ]  # fmt: skip
    assert activity.txids == (coordinator.chain.sent[0],) and not activity.refusals
