"""Ten minutes without the chain's node, or without a signer, by the coordinator's clock: waited for, then gone on."""

from __future__ import annotations

import asyncio

import pytest

from strongroom.custody.state import Phase, TransferId
from tests.unit.coordinator.doubles import Coordinator
from tests.unit.coordinator.test_transfer import ended, propose, ready

MINUTES = 10
STEP_MS = 5_000


async def ten_minutes(made: Coordinator) -> None:
    """Let the clock run on, and the coordinator look at it at every step."""
    for _ in range(MINUTES * 60_000 // STEP_MS):
        made.now += STEP_MS
        made.house.desk.sequencer.tick()
        for chain in made.house.desk.chains.values():
            chain.hurry()
        made.house.reconciler.wake_waiting()
        await asyncio.sleep(0.005)


async def completed_once(made: Coordinator, name: TransferId) -> None:
    await ended(made, name, Phase.COMPLETED)
    assert len(set(made.chain.sent)) == 1 and made.chain.nonce == 1


async def test_a_proposal_of_an_outage_is_taken_and_waits_for_the_node(coordinator: Coordinator) -> None:
    await ready(coordinator)
    coordinator.chain.down = True
    name = await propose(coordinator)
    await ten_minutes(coordinator)
    assert coordinator.house.service.activity(name).awaiting_code == "node.unreachable"
    assert not coordinator.house.service.health().chains[0].reachable and not coordinator.chain.sent
    coordinator.chain.down = False
    await completed_once(coordinator, name)


async def test_what_was_sent_before_an_outage_is_found_after_it(coordinator: Coordinator) -> None:
    """The transaction was mined meanwhile: it is neither sent as another nor taken for lost."""
    await ready(coordinator)
    coordinator.chain.auto = False
    name = await propose(coordinator)
    await coordinator.until(lambda: coordinator.chain.sent)
    coordinator.chain.down = True
    await ten_minutes(coordinator)
    coordinator.chain.mine()
    coordinator.chain.mine()
    coordinator.chain.down = False
    await coordinator.until(lambda: coordinator.house.service.cosigned.transfers[name].phase is Phase.COMPLETED)
    assert coordinator.chain.nonce == 1


async def test_what_expires_in_an_outage_is_not_authorized_after_it(coordinator: Coordinator) -> None:
    await ready(coordinator)
    coordinator.chain.down = True
    name = await propose(coordinator, until=coordinator.now + 5 * 60_000)
    await ten_minutes(coordinator)
    coordinator.chain.down = False
    await coordinator.until(lambda: coordinator.house.service.activity(name).awaiting_code == "intent.expired")
    assert not coordinator.chain.sent


@pytest.mark.parametrize("gone", [("signer-1", "signer-2"), ("guardian-1", "signer-3")])
async def test_without_a_quorum_everything_waits_and_goes_on_with_it(
    coordinator: Coordinator, gone: tuple[str, str]
) -> None:
    await ready(coordinator)
    for name in gone:
        coordinator.wires.part(name)
    transfer = await propose(coordinator)
    await ten_minutes(coordinator)
    assert coordinator.house.service.activity(transfer).awaiting_code == "quorum.unreachable"
    assert not coordinator.chain.sent
    for node in coordinator.nodes.values():
        if node.name in gone:
            coordinator.wires.join(node)
    await completed_once(coordinator, transfer)
