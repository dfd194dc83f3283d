"""Seals, and transfers that the state has let go of, through a whole coordinator; twelve entries stand for many."""

from __future__ import annotations

import pytest

from strongroom.coordinator import history, sealing
from strongroom.custody import retention
from strongroom.custody.state import Phase, TransferId
from strongroom.errors import StrongroomError
from strongroom.log.entry import parse_entry
from tests.unit.coordinator.doubles import Coordinator
from tests.unit.coordinator.test_transfer import propose, ready, transfer_chain

MANY = 12


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (retention, history):
        monkeypatch.setattr(module, "TRANSFERS_KEPT", MANY)
    monkeypatch.setattr(sealing, "SEAL_EVERY", MANY)
    monkeypatch.setattr(sealing, "SEAL_LEAST", 0)


def kinds(made: Coordinator) -> list[str]:
    history = made.house.history
    return [parse_entry(raw).kind for raw in history.raw(0, history.state.size)]


async def completed(made: Coordinator, name: TransferId) -> None:
    """Let blocks come until the transfer has ended."""

    def met() -> bool:
        made.chain.mine()
        made.house.desk.chains[transfer_chain(made)].hurry()
        found = made.house.service.cosigned.transfers.get(name)
        return found is not None and found.phase is Phase.COMPLETED

    await made.until(met)


async def grown(made: Coordinator, entries: int) -> None:
    """Seals of its own are entries, too."""
    for _ in range(entries):
        made.house.sealing.seal()
    await made.until(lambda: made.house.desk.cosigned.size == made.house.desk.state.size)


async def test_the_log_is_sealed_every_so_many_entries(coordinator: Coordinator) -> None:
    await ready(coordinator)
    for number in range(4):
        await completed(coordinator, await propose(coordinator, idempotency=f"order-{number}"))
    await coordinator.until(lambda: "state.sealed" in kinds(coordinator))
    found = kinds(coordinator)
    first = found.index("state.sealed")
    assert MANY <= first < 2 * MANY and "state.sealed" not in found[first + 1 : first + MANY]
    await coordinator.until(lambda: coordinator.house.desk.cosigned.sealed >= MANY)


async def test_a_seal_that_is_asked_for_again_is_the_same(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ready(coordinator)
    monkeypatch.setattr(sealing, "SEAL_LEAST", 3)
    service = coordinator.house.service
    index = service.seal()
    assert kinds(coordinator)[index] == "state.sealed" and service.state.sealed == index
    await coordinator.until(lambda: service.cosigned.size > index)
    assert service.seal() == index
    await propose(coordinator)
    await propose(coordinator, idempotency="another")
    assert service.seal() > index


async def test_a_transfer_that_the_state_has_let_go_is_still_shown(coordinator: Coordinator) -> None:
    await ready(coordinator)
    name = await propose(coordinator, idempotency="order-1")
    await completed(coordinator, name)
    service, shown = coordinator.house.service, coordinator.house.service.transfer(name)
    assert shown.phase is Phase.COMPLETED
    await grown(coordinator, 3 * MANY)
    assert name not in service.state.transfers
    await coordinator.until(lambda: coordinator.house.desk.records.ended(name))
    assert service.transfer(name) == shown
    assert await propose(coordinator, idempotency="order-1", until=shown.intent.until) == name, "the same again"
    with pytest.raises(StrongroomError) as error:
        await propose(coordinator, idempotency="order-1", until=shown.intent.until, amount="7")
    assert error.value.code == "intent.idempotency_conflict"
    with pytest.raises(StrongroomError) as error:
        service.transfer("00" * 32)
    assert error.value.code == "transfer.unknown"


async def test_the_archive_is_made_again_from_the_log(coordinator: Coordinator) -> None:
    await ready(coordinator)
    name = await propose(coordinator)
    await completed(coordinator, name)
    await grown(coordinator, 3 * MANY)
    await coordinator.until(lambda: coordinator.house.desk.records.ended(name))
    shown = coordinator.house.service.transfer(name)
    await coordinator.crash()
    with coordinator.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM ended")
    await ready(coordinator)
    await coordinator.until(lambda: coordinator.house.desk.records.ended(name))
    assert coordinator.house.service.transfer(name) == shown


async def sealed_and_stopped(made: Coordinator) -> None:
    await ready(made)
    await grown(made, 3)
    await made.until(lambda: stored(made))
    await made.crash()


def stored(made: Coordinator) -> int:
    with made.engine.connect() as connection:
        return connection.exec_driver_sql("SELECT size FROM snapshot").scalar() or 0


async def test_a_coordinator_starts_from_its_snapshot(coordinator: Coordinator) -> None:
    await sealed_and_stopped(coordinator)
    with coordinator.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM entries WHERE idx < {stored(coordinator)}")
    await ready(coordinator)
    assert coordinator.house.history.state == coordinator.nodes["guardian-1"].state
    await completed(coordinator, await propose(coordinator))


async def test_a_coordinator_without_a_sound_snapshot_folds_its_log(coordinator: Coordinator) -> None:
    await sealed_and_stopped(coordinator)
    with coordinator.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE pieces SET bytes = x'00'")
    await ready(coordinator)
    refused = coordinator.house.history.sealed.refused
    assert refused is not None and refused.code == "snapshot.digest"
    assert any("snapshot" in line for line in coordinator.said)
    assert coordinator.house.history.state == coordinator.nodes["guardian-1"].state


async def test_a_snapshot_of_another_branch_is_left_alone(coordinator: Coordinator) -> None:
    await sealed_and_stopped(coordinator)
    with coordinator.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tree_nodes SET hash = zeroblob(32)")
    house = coordinator.house
    house.history.load()
    assert house.history.state == coordinator.nodes["guardian-1"].state, "the whole log was folded"
