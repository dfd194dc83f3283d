"""Witnesses change under a running coordinator: real nodes join and leave, and the log goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from strongroom.coordinator import orders
from strongroom.coordinator.run import credentials
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import from_envelope
from strongroom.errors import InvalidInput, Refused
from strongroom.log.checkpoint import parse_note, quorum
from strongroom.log.entry import parse_entry
from tests.unit.coordinator.witnesses import Installation
from tests.unit.signer.fleet import listed
from tests.workspace import HOUR, NODES, Workspace

STAY = ("signer-1", "signer-2", "guardian-1")


@pytest.fixture
async def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Installation]:
    monkeypatch.setattr(orders, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(orders, "PATIENCE_SECONDS", 0.3)
    made = Installation(tmp_path, Workspace().create())
    await made.open()
    await made.until(lambda: made.house.service.cosigned.size == 1)
    yield made
    await made.close()


def seen(made: Installation) -> Workspace:
    """The people's view: the log as far as it is cosigned."""
    home = made.desk
    home.state, home.time = made.house.service.cosigned, made.now
    return home


async def change(made: Installation, joins: str = "", leaves: str = "") -> None:
    """Two administrators order it."""
    home = seen(made)
    document = home.next_policy(joins, leaves)
    evidence = home.change_evidence(document, joins, accepting=())
    attachment = {"policy": document}
    if joins:
        attachment["join"] = next(e.to_doc() for e in evidence if from_envelope(e).kind == "signer.join")
    for envelope in evidence[:2]:
        await made.house.service.submit(envelope, attachment)


async def goes_on(made: Installation, byte: str) -> None:
    """Another entry is cosigned."""
    size = made.house.service.state.size
    entry = listed(seen(made).clone(), byte)
    made.house.desk.sequencer.submit(entry.kind, entry.body, entry.evidence)
    await made.until(lambda: made.house.service.cosigned.size > size)


async def test_a_node_replaces_another_and_catches_up_from_nothing(made: Installation) -> None:
    await goes_on(made, "aa")
    await change(made, "signer-4", "signer-3")
    await made.until(lambda: made.house.service.cosigned.policy.version == 2)  # type: ignore[union-attr]
    await made.until(lambda: made.house.service.cosigned.changing is None)
    kinds = [parse_entry(raw).kind for raw in made.house.service.entries(0, 9)]
    assert kinds[2:4] == ["signer.enrolled", "witnesses.changed"]
    made.node("signer-4")
    made.connect("signer-4")
    await made.until(lambda: made.roots("signer-4") == made.roots("signer-1"))
    made.disconnect("signer-3")
    made.disconnect("signer-2")
    await goes_on(made, "bb")  # by the three that are left of the new set
    note = parse_note(made.house.service.note)
    keys = {name: made.desk.keys[name].credential for name in (*NODES, "signer-4")}
    assert quorum(note, keys).keys() == {"signer-1", "guardian-1", "signer-4"}


async def test_a_retired_node_is_told_nothing_more_and_has_no_voice(made: Installation) -> None:
    await change(made, "guardian-2")
    made.node("guardian-2")
    await made.until(lambda: made.house.service.cosigned.changing is None and made.house.service.state.size == 3)
    made.connect("guardian-2")
    await made.until(lambda: made.roots("guardian-2") == made.roots("signer-1"))
    await change(made, leaves="guardian-1")
    await made.until(lambda: made.house.service.cosigned.size == 5)
    before = made.real["guardian-1"]._here.replica.accepted.size
    await goes_on(made, "aa")
    await made.until(lambda: made.roots("guardian-2") == made.roots("signer-1"))
    assert made.real["guardian-1"]._here.replica.accepted.size == before


async def test_with_one_who_stays_silent_nothing_changes_until_it_is_back(made: Installation) -> None:
    made.disconnect("signer-1")
    await change(made, "signer-4", "signer-3")
    await made.until(lambda: "witnesses.joint_quorum_missing" in made.house.service.orders()[-1].error)
    assert made.house.service.state.size == 1
    made.connect("signer-1")
    await made.until(lambda: made.house.service.cosigned.size == 3 and made.house.service.cosigned.changing is None)


async def test_a_witness_with_another_tail_is_led_to_the_cosigned_head_when_it_is_needed_for_the_next(
    made: Installation,
) -> None:
    made.disconnect("guardian-1")
    other = seen(made).clone()
    listed(other, "cc")
    made.hold("guardian-1", other, 1)
    await goes_on(made, "aa")
    assert made.ticking is not None
    made.ticking.cancel()
    await made.crash()  # nobody's accepts are remembered
    await made.open("signer-1", "signer-2", "guardian-1")
    await made.until(lambda: made.roots("guardian-1") == {made.house.service.cosigned.root})
    await goes_on(made, "bb")


async def test_a_change_that_its_quorum_cannot_finish_is_undone_by_a_repair_with_who_was_to_leave(
    made: Installation,
) -> None:
    """At four witnesses all three that stay are needed; one of them dies just after the entry was made."""
    made.house.desk.sequencer.ready = False  # nothing is offered while the entry is made
    await change(made, "signer-4", "signer-3")
    await made.until(lambda: made.house.service.state.size == 2)
    made.disconnect("signer-1")
    assert credentials(made.house).keys() == {*NODES, "signer-4"}
    made.house.desk.sequencer.ready = True
    assert made.house.service.split().stuck
    home = seen(made)
    for person in ("alice", "bob"):
        await made.house.service.submit(home.statement(person, "log.repair", {"number": 1}))
    await made.until(lambda: made.house.service.cosigned.repair == 1)
    assert made.house.service.cosigned.policy.version == 1  # type: ignore[union-attr]
    await goes_on(made, "aa")
    assert not made.house.service.split().stuck
    assert made.roots("signer-2", "signer-3", "guardian-1") == {made.house.service.cosigned.root}


async def test_an_order_that_expires_before_the_witnesses_are_there_ends(made: Installation) -> None:
    for name in NODES[1:]:
        made.disconnect(name)
    await change(made, "signer-4", "signer-3")
    made.now += 2 * HOUR
    await made.until(lambda: made.house.service.orders()[-1].stage == "failed")
    assert made.house.service.orders()[-1].error.startswith("statement.expired")
    await made.until(lambda: not made.house.desk.records.collected("signer.enrol"))


async def test_what_is_attached_is_what_was_signed(made: Installation) -> None:
    home = seen(made)
    document = home.next_policy("signer-4", "signer-3")
    evidence = home.change_evidence(document, "signer-4", accepting=())
    join = evidence[2].to_doc()
    for attachment, code in (
        ({"policy": home.next_policy("guardian-2"), "join": join}, "policy.attachment"),
        ({"policy": document}, "enrolment.not_by_the_node"),
        ({}, "document.missing_field"),
        (None, "document.type"),
        ({"policy": document, "join": Envelope.to_doc(evidence[0])}, "statement.wrong_kind"),
    ):
        with pytest.raises((Refused, InvalidInput)) as caught:
            await made.house.service.submit(evidence[0], attachment)
        assert caught.value.code == code
    assert made.house.service.orders() == ()
