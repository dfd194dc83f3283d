"""A change of the witnesses at one of them: what it accepts, and whose word it takes before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import from_envelope
from strongroom.log.accept import sign_accept
from strongroom.wire.frame import Frame
from tests.unit.signer.fleet import Fleet, accepts_in, codes, cosignatures_in, note_of
from tests.workspace import NODES, Workspace

STAY = ("signer-1", "signer-2", "guardian-1")


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.sequence()
    fleet.home.time = fleet.now
    return fleet


def ask(fleet: Fleet, names: Sequence[str], people: Sequence[str] = ("alice", "bob"), **change: Any) -> list[Frame]:
    home = fleet.home
    document = change.pop("document", None) or home.next_policy("signer-4", "signer-3")
    docs = [envelope.to_doc() for envelope in home.change_evidence(document, "signer-4", people, ())[: len(people)]]
    return fleet.tell(names, "change.ask", **{"kind_": "signer.enrolled", "policy": document, "order": docs, **change})


def changed(fleet: Fleet) -> Workspace:
    """The log with signer-4 in the place of signer-3, accepted by those who stay."""
    fleet.home.change("signer-4", "signer-3", STAY)
    return fleet.home


def test_a_node_accepts_what_the_administrators_have_ordered_and_nothing_else(fleet: Fleet) -> None:
    frames = ask(fleet, NODES)
    found = [Envelope.from_doc(frame.head["envelope"]) for frame in frames if frame.kind == "change.state"]
    assert {from_envelope(envelope).person for envelope in found} == set(NODES)
    assert {from_envelope(envelope).subject["version"] for envelope in found} == {2}
    for people in ((), ("alice",), ("alice", "exchange")):
        assert codes(ask(fleet, ["signer-1"], people)) == ["enrolment.not_by_administrators"]
    other = fleet.home.next_policy("guardian-2")
    assert codes(ask(fleet, ["signer-1"], policy=other)) == ["statement.other_subject"]
    loose = {**fleet.home.next_policy("signer-4", "signer-3"), "cool_down": 0}
    assert codes(ask(fleet, ["signer-1"], document=loose)) == ["policy.version"]
    assert codes(ask(fleet, ["signer-1"], kind_="policy.adopted")) == ["entry.unknown_kind"]
    assert codes(ask(fleet, ["signer-1"], kind_="signer.retired")) == ["witnesses.one_at_a_time"]


def test_i20_until_the_certificate_a_head_needs_both_quorums(fleet: Fleet) -> None:
    home = changed(fleet)
    accepts = accepts_in(fleet.append(STAY, since=1))
    assert {accept.node for accept in accepts} == set(STAY)
    new = [*accepts[:2], sign_accept(fleet.id, "signer-4", 2, home.state.root, 0, home.keys["signer-4"])]
    old = [*accepts[:2], sign_accept(fleet.id, "signer-3", 2, home.state.root, 0, home.keys["signer-3"])]
    for alone in (new, old):
        assert codes(fleet.cosign(alone, ["signer-1"])) == ["checkpoint.not_accepted"]
    lines = cosignatures_in(fleet.cosign(accepts, STAY))
    assert len(lines) == 3
    for names in (("signer-1", "signer-2", "signer-4"), ("signer-1", "signer-2", "signer-3")):
        assert codes(fleet.tell("signer-1", "checkpoint", note=home.note(names))) == ["checkpoint.no_quorum"]
    note = note_of(fleet.id, accepts[0], lines)
    assert not codes(fleet.tell(STAY, "checkpoint", note=note))
    home.add("witnesses.changed", {"note": note})
    accepts = accepts_in(fleet.append(STAY, since=2))
    new = [*accepts[:2], sign_accept(fleet.id, "signer-4", 3, home.state.root, 0, home.keys["signer-4"])]
    assert cosignatures_in(fleet.cosign(new, ["signer-1"]))
    new_note = home.note(("signer-1", "signer-2", "signer-4"))
    assert not codes(fleet.tell("signer-1", "checkpoint", note=new_note))


def test_attack_44_after_a_change_a_retired_and_a_bad_witness_complete_no_old_branch(fleet: Fleet) -> None:
    old = fleet.home.clone()
    home = changed(fleet)
    accepts = accepts_in(fleet.append(STAY, since=1))
    note = note_of(fleet.id, accepts[0], cosignatures_in(fleet.cosign(accepts, STAY)))
    fleet.tell(STAY, "checkpoint", note=note)
    home.add("witnesses.changed", {"note": note})
    old.boot("signer-3")
    forged = [sign_accept(fleet.id, n, 2, old.state.root, 0, home.keys[n]) for n in ("signer-3", "guardian-1")]
    for name in STAY:
        frames = fleet.append([name], since=1, entries=old.entries[1:], accepts=forged)
        assert codes(frames) == ["checkpoint.not_extending"]
        frames = fleet.append([name], since=1, entries=old.entries[1:], note=old.note(("signer-3", *STAY[:2])))
        assert codes(frames) == ["checkpoint.not_extending"]


def test_who_leaves_has_no_voice_once_it_holds_the_change(fleet: Fleet) -> None:
    changed(fleet)
    assert not accepts_in(fleet.append(["signer-3"], since=1))
    assert not fleet.nodes["signer-3"]._here.speaks()
    accepts = accepts_in(fleet.append(STAY, since=1))
    assert codes(fleet.cosign(accepts, ["signer-3"])) == ["rejoin.heads_missing"]


def test_a_note_is_verified_again_for_another_electorate(fleet: Fleet) -> None:
    """The text that a quorum of the old set made is no quorum's once the set has changed, whatever was verified."""
    replica = fleet.nodes["signer-1"]._here.replica
    text = fleet.note
    state = replica.state_at(1)
    assert state is not None and replica._on({1: state}, text).size == 1
    fleet.home.change("signer-4", "signer-3", STAY)
    after = fleet.home.state
    assert after.policy and state.policy
    nodes = {name: node for name, node in after.policy.nodes.items() if name not in STAY[:2]}
    other = replace(state, policy=replace(after.policy, nodes={**nodes, "signer-4": after.policy.nodes["signer-4"]}))
    with pytest.raises(Exception, match=r"checkpoint\.no_quorum"):
        replica._on({1: other}, text)
