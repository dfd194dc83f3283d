"""I20: who witnesses changes one at a time, by the administrators, the node itself, and both quorums."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.custody.witnesses import electorates, fresh_since, reached, vouched
from strongroom.errors import InvalidInput, Refused
from strongroom.log.checkpoint import Checkpoint, Note, cosign, origin_of
from tests.workspace import NODES, Workspace, seeded

STAY = ("signer-1", "signer-2", "guardian-1")
"""Who stays when signer-4 joins for signer-3."""


@pytest.fixture
def home() -> Workspace:
    return Workspace().ready()


def refused(home: Workspace, document: dict[str, Any], joins: str = "", **changes: Any) -> str:
    """The code with which the change to this policy is refused; the state stays."""
    before, kind = home.state, "signer.enrolled" if joins else "signer.retired"
    with pytest.raises((Refused, InvalidInput)) as caught:
        home.add(kind, {"policy": document}, home.change_evidence(document, joins, **changes))
    assert home.state is before
    return caught.value.code


def test_a_node_joins_for_another_and_then_the_new_set_goes_on_alone(home: Workspace) -> None:
    home.change("signer-4", "signer-3", STAY)
    before, after = electorates(home.state)
    assert before.witnesses.keys() == {"signer-1", "signer-2", "guardian-1"} and before.quorum == 3
    assert after.witnesses.keys() == {"signer-1", "signer-2", "signer-4", "guardian-1"} and after.quorum == 3
    assert "signer-3" not in home.state.boots
    home.certify(STAY)
    assert electorates(home.state) == (after,)
    assert home.state.policy and home.state.policy.version == 2


def test_every_count_asks_both_sets_until_the_certificate(home: Workspace) -> None:
    home.change("signer-4", "signer-3", STAY)
    assert reached(home.state, STAY)
    assert not reached(home.state, ("signer-1", "signer-2", "signer-4", "signer-3"))
    assert vouched(home.state, ("signer-1", "signer-2")) and not vouched(home.state, ("signer-1", "signer-4"))
    times = {"signer-1": 5, "signer-2": 7, "guardian-1": 3, "signer-4": 9}
    assert fresh_since(home.state, times) == 3
    home.certify(STAY)
    assert reached(home.state, ("signer-1", "signer-2", "signer-4"))
    assert fresh_since(home.state, times) == 5


def test_attack_32_i20_one_quorum_alone_changes_no_witness(home: Workspace) -> None:
    document = home.next_policy("guardian-2")
    for accepting in ((), NODES[:2], [*NODES[:2], "guardian-2"]):
        assert refused(home, document, "guardian-2", accepting=accepting) == "witnesses.joint_quorum_missing"
    replacing = home.next_policy("signer-4", "signer-3")
    new_only = ("signer-1", "signer-2", "signer-4")  # three of the new set, two of the old
    assert refused(home, replacing, "signer-4", accepting=new_only) == "witnesses.joint_quorum_missing"
    old_only = NODES[:3]  # five witnesses need four; the old four needed three
    assert refused(home, document, "guardian-2", accepting=old_only) == "witnesses.joint_quorum_missing"
    assert refused(home, replacing, "signer-4", accepting=NODES[:3]) == "statement.unknown_key"


def test_attack_38_only_administrators_enrol(home: Workspace) -> None:
    document = home.next_policy("signer-4", "signer-3")
    for people in ((), ("alice",), ("coordinator",), ("alice", "exchange"), ("coordinator", "signer-1")):
        found = refused(home, document, "signer-4", people=people, accepting=STAY)
        assert found == "enrolment.not_by_administrators"


def test_the_node_that_joins_says_so_with_its_own_key(home: Workspace) -> None:
    document = home.next_policy("guardian-2")
    evidence = home.change_evidence(document, "guardian-2", accepting=NODES)
    without = [e for e in evidence if b"signer.join" not in e.payload]
    with pytest.raises(Refused, match=r"enrolment\.not_by_the_node"):
        home.add("signer.enrolled", {"policy": document}, without)
    document["witnesses"]["nodes"]["guardian-2"]["placement"]["site"] = "elsewhere"
    stated = next(e for e in evidence if b"signer.join" in e.payload)
    others = [e for e in home.change_evidence(document, "guardian-2") if b"signer.join" not in e.payload]
    with pytest.raises(Refused, match=r"statement\.other_subject"):
        home.add("signer.enrolled", {"policy": document}, [*others, stated])
    home.keys["guardian-2"] = seeded("a thief")
    forged = home.change_evidence(document, "guardian-2", accepting=NODES)
    with pytest.raises(Refused, match=r"statement\.unknown_key"):
        home.add("signer.enrolled", {"policy": document}, forged)


def test_nothing_but_the_witnesses_changes_and_one_at_a_time(home: Workspace) -> None:
    document = home.next_policy("guardian-2")
    for change in ({"cool_down": 0}, {"version": 3}, {"version": 1}, {"wallet_age": 5}):
        assert refused(home, {**document, **change}, "guardian-2", accepting=NODES) == "policy.version"
    nodes = document["witnesses"]["nodes"]
    home.keys["guardian-3"] = seeded("guardian-3")
    nodes["guardian-3"] = {**nodes["guardian-2"], "key": home.keys["guardian-3"].credential.to_doc()}
    assert refused(home, document, "guardian-2", accepting=NODES) == "witnesses.one_at_a_time"
    document = home.next_policy("guardian-2")
    document["witnesses"]["nodes"]["signer-1"]["placement"]["site"] = "elsewhere"
    assert refused(home, document, "guardian-2", accepting=NODES) == "witnesses.one_at_a_time"
    unchanged = {**home.policy, "version": 2}
    assert refused(home, unchanged, accepting=NODES) == "witnesses.one_at_a_time"
    assert refused(home, home.next_policy("guardian-2")) == "witnesses.one_at_a_time"  # as signer.retired


def test_no_second_change_before_the_certificate_of_the_first(home: Workspace) -> None:
    home.change("guardian-2", accepting=NODES)
    retiring = home.next_policy(leaves="guardian-1")
    assert refused(home, retiring, accepting=NODES[:3]) == "witnesses.change_open"
    home.certify(NODES)
    home.change(leaves="guardian-1", accepting=[*NODES[:3], "guardian-2"])


def test_the_certificate_covers_the_change_and_carries_both_quorums(home: Workspace) -> None:
    early = home.note(NODES)
    home.change("signer-4", "signer-3", STAY)
    before = home.state

    def certify(note: str) -> str:
        with pytest.raises(Refused) as caught:
            home.add("witnesses.changed", {"note": note})
        assert home.state is before
        return caught.value.code

    assert certify(early) == "witnesses.joint_quorum_missing"
    for names in (("signer-1", "signer-2", "signer-4"), ("signer-3", "signer-4", "guardian-1"), NODES[:2]):
        assert certify(home.note(names)) == "checkpoint.no_quorum"
    other = home.clone()
    other.boot("signer-1")
    home.boot("signer-2")
    before = home.state
    assert certify(other.note(STAY)) == "checkpoint.not_extending"
    home.certify(STAY)
    before = home.state
    assert certify(home.note(STAY)) == "witnesses.no_change"


def test_the_loader_s_bounds_hold_for_the_new_set_and_for_every_key(home: Workspace) -> None:
    assert refused(home, home.next_policy(leaves="signer-3"), accepting=STAY) == "policy.witnesses"
    home.change("guardian-2", accepting=NODES)
    home.certify(NODES)
    home.change("guardian-3", "signer-3", accepting=[*STAY, "guardian-2"])
    home.certify([*STAY, "guardian-2"])
    document = home.next_policy("guardian-4", "signer-2")
    accepting = ("signer-1", "guardian-1", "guardian-2", "guardian-3")
    assert refused(home, document, "guardian-4", accepting=accepting) == "key.threshold"
    again = home.next_policy("signer-3", "guardian-3")
    accepting = ("signer-1", "signer-2", "guardian-1", "guardian-2")
    assert refused(home, again, "signer-3", accepting=accepting) == "node.name_taken"


def test_a_change_ends_an_open_proposal_which_has_the_old_witnesses(home: Workspace) -> None:
    from strongroom.policy.loader import load_policy

    document = {**home.policy, "version": 2, "cool_down": 7200}
    subject = {"policy": load_policy(document).digest, "version": 2}
    statements = [home.statement(person, "policy.propose", subject) for person in ("alice", "bob")]
    home.add("policy.proposed", {"policy": document}, statements)
    home.change("guardian-2", accepting=NODES)
    assert home.state.proposal is None
    with pytest.raises(Refused, match=r"policy\.no_proposal"):
        home.add("policy.adopted", {"version": 2}, later=3_600_000)


def test_a_witness_accepts_exactly_this_change(home: Workspace) -> None:
    document = home.next_policy("guardian-2")
    evidence = home.change_evidence(document, "guardian-2", accepting=NODES)
    other = home.statement("signer-1", "witness.change", {"policy": "00" * 32, "version": 2}, bare=True)
    swapped = [other if b"witness.change" in e.payload and b'"signer-1"' in e.payload else e for e in evidence]
    with pytest.raises(Refused, match=r"statement\.other_subject"):
        home.add("signer.enrolled", {"policy": document}, swapped)
    stray = home.statement("alice", "transfer.approve", {})
    with pytest.raises(Refused, match=r"statement\.wrong_kind"):
        home.add("signer.enrolled", {"policy": document}, [*evidence, stray])


def test_a_certificate_of_another_log_is_none(home: Workspace) -> None:
    home.change("signer-4", "signer-3", STAY)
    other = Checkpoint(origin_of("ab" * 32), home.state.size, home.state.root)
    lines = tuple(cosign(other, home.keys[name], name, home.time // 1000) for name in STAY)
    with pytest.raises(Refused, match=r"statement\.other_workspace"):
        home.add("witnesses.changed", {"note": Note(other, lines).text()})
