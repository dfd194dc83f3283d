"""A log that no side can continue goes on, with everything that any side held; real witnesses, a real coordinator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from strongroom.coordinator import orders
from strongroom.errors import Denied, Refused
from strongroom.signer.replica import Mark
from tests.unit.coordinator.witnesses import Installation
from tests.unit.signer.fleet import listed
from tests.workspace import NODES, Workspace

LEFT, RIGHT = NODES[:2], NODES[2:]


@pytest.fixture
async def torn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Installation]:
    """Two witnesses hold one address behind the cosigned head, two another; the coordinator holds the left one."""
    monkeypatch.setattr(orders, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(orders, "PATIENCE_SECONDS", 0.5)
    desk = Workspace().create()
    made = Installation(tmp_path, desk)
    await made.open()
    await made.until(lambda: made.house.service.cosigned.size == 1)
    await made.until(lambda: all(node._here.replica.cosigned.size == 1 for node in made.real.values()))
    for name in NODES:
        made.disconnect(name)
    desk.time = made.now
    left, right = desk.clone(), desk.clone()
    listed(left, "aa")
    listed(right, "bb")
    made.base, made.right = desk, right  # type: ignore[attr-defined]
    for name in NODES:
        made.hold(name, left if name in LEFT else right, 1)
    made.house.desk.sequencer.replace_tail(left.entries[1:])
    yield made
    await made.close()


async def order(made: Installation, number: int, *people: str) -> list[str]:
    """Hand in administrators' orders; what became of each."""
    home: Workspace = made.base  # type: ignore[attr-defined]
    home.time = made.now
    found = []
    for person in people:
        statement = home.statement(person, "log.repair", {"number": number})
        found.append((await made.house.service.submit(statement)).lacking)
    return found


async def stuck(made: Installation) -> None:
    for name in NODES:
        made.connect(name)
    await made.until(lambda: made.house.desk.sequencer.ready and made.house.service.split().stuck)


async def test_a_split_of_two_and_two_goes_on_after_a_repair_with_what_both_sides_held(torn: Installation) -> None:
    await stuck(torn)
    split = torn.house.service.split()
    assert split.number == 1 and sorted(map(len, split.heads.values())) == [2, 2]
    assert split.cosigned == torn.base.state.size and split.again == ((1, "address.listed"),)  # type: ignore[attr-defined]
    assert await order(torn, 1, "alice") == ["1 more of the administrators"]
    assert torn.house.service.cosigned.repair == 0
    assert await order(torn, 1, "bob") == ["the witnesses are asked"]
    await torn.until(lambda: torn.house.service.cosigned.repair == 1)
    await torn.until(lambda: len(torn.house.service.cosigned.addresses) == 2)
    await torn.until(lambda: len(torn.roots()) == 1)
    assert torn.house.service.orders()[-1].stage == "logged" and not torn.house.service.split().stuck


async def test_it_is_finished_after_a_crash_between_the_orders_and_the_entry(torn: Installation) -> None:
    await stuck(torn)
    for name in RIGHT:
        torn.disconnect(name)
    await order(torn, 1, "alice", "bob")
    await torn.until(lambda: all(torn.real[name]._here.replica.stated == 1 for name in LEFT))
    assert torn.house.service.orders()[-1].error == "" or torn.house.service.cosigned.repair == 0
    assert torn.ticking is not None
    torn.ticking.cancel()
    await torn.crash()
    for name in NODES:
        torn.node(name)
    await torn.open()
    await torn.until(lambda: torn.house.service.cosigned.repair == 1 and len(torn.roots()) == 1)


async def test_a_witness_that_shows_what_it_cannot_prove_is_left_out(torn: Installation) -> None:
    liar = torn.real["guardian-1"]._here.replica
    liar.q_accepted = Mark((0, 99), b"\x01" * 32)
    await stuck(torn)
    await order(torn, 1, "alice", "bob")
    await torn.until(lambda: torn.house.service.cosigned.repair == 1 and len(torn.roots()) == 1)
    assert any("left out" in line for line in torn.said)


async def test_only_administrators_order_and_only_what_is_new(torn: Installation) -> None:
    await stuck(torn)
    with pytest.raises(Denied, match=r"authority\.threshold"):
        await order(torn, 1, "exchange")
    with pytest.raises(Refused, match=r"repair\.number"):
        await order(torn, 0, "alice")
    assert torn.house.service.orders() == ()


async def test_a_head_that_one_witness_alone_can_prove_is_kept_though_the_coordinator_lacks_it(
    torn: Installation,
) -> None:
    right: Workspace = torn.right  # type: ignore[attr-defined]
    guardian = torn.real["guardian-1"]._here.replica
    assert guardian.learn(guardian.accepted, right.accepts(NODES[1:]))
    await stuck(torn)
    await order(torn, 1, "alice", "bob")
    await torn.until(lambda: torn.house.service.cosigned.repair == 1 and len(torn.roots()) == 1)
    entries = torn.house.service.entries(right.state.size - 1, 2)
    assert entries[0] == right.entries[-1].raw, "it stands where it stood, with its time"
