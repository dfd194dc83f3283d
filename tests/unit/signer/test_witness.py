"""The two steps of a witness: what it accepts, what it cosigns, and what it never does."""

from __future__ import annotations

import pytest

from strongroom.custody.digest import state_digest
from strongroom.log.accept import sign_accept
from strongroom.log.checkpoint import parse_note, quorum
from strongroom.signer import replica
from strongroom.signer.disk import Disk
from tests.unit.signer.fleet import SIGNERS, Fleet, accepts_in, codes, cosignatures_in, forged_note, listed
from tests.workspace import NODES, Workspace


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.sequence()
    return fleet


def branches(fleet: Fleet) -> tuple[Workspace, Workspace]:
    """Two continuations of the log that differ in their first entry."""
    fleet.home.time = fleet.now
    left, right = fleet.home.clone(), fleet.home.clone()
    listed(left, "aa")
    listed(right, "bb")
    return left, right


def head(fleet: Fleet, name: str) -> dict[str, object]:
    return next(frame.head for frame in fleet.tell(name, "head.ask") if frame.kind == "head")


def test_every_node_accepts_then_cosigns_and_holds_the_same_state(fleet: Fleet) -> None:
    credentials = {name: fleet.home.keys[name].credential for name in NODES}
    assert set(quorum(parse_note(fleet.note), credentials)) == set(NODES)
    assert {fleet.digest(name) for name in NODES} == {(1, state_digest(fleet.home.state))}


def test_a_node_knows_only_the_workspace_it_is_pinned_to() -> None:
    fleet = Fleet()
    other = Workspace(start=fleet.now + 1).create()
    assert codes(fleet.append("signer-1", entries=other.entries)) == ["workspace.not_created_here"]
    assert fleet.digest("signer-1")[0] == 0


def test_a_fork_is_refused_and_changes_nothing(fleet: Fleet) -> None:
    left, right = branches(fleet)
    assert accepts_in(fleet.tell("signer-1", "append", _body(left, 1), from_=1, note="", accepts=[]))
    before = fleet.digest("signer-1")
    frames = fleet.tell("signer-1", "append", _body(right, 1), from_=1, note="", accepts=[])
    assert [(f.head["code"], f.head["index"]) for f in frames if f.kind == "refused"] == [
        ("checkpoint.not_extending", 1)
    ]
    assert fleet.digest("signer-1") == before


def test_a_coordinator_restored_from_an_old_backup_cannot_go_on(fleet: Fleet) -> None:
    old = fleet.home.clone()
    left, right = branches(fleet)
    fleet.home = left
    fleet.sequence(since=1)
    assert old.state.size == 1
    listed(right, "cc")
    for name in NODES:
        frames = fleet.tell(name, "append", _body(right, 1), from_=1, note="", accepts=[])
        assert codes(frames) == ["checkpoint.not_extending"]


def test_a_tail_gives_way_only_to_a_head_that_a_quorum_accepted_and_is_never_shortened(fleet: Fleet) -> None:
    left, right = branches(fleet)
    fleet.tell("signer-1", "append", _body(left, 1), from_=1, note="", accepts=[])
    others = NODES[1:]
    accepts = accepts_in(fleet.tell(others, "append", _body(right, 1), from_=1, note="", accepts=[]))
    docs = [accept.to_doc() for accept in accepts]
    for few in (docs[:2], [docs[0]] * 3, [*docs[:2], {**docs[2], "signature": "00" * 64}]):
        frames = fleet.tell("signer-1", "append", _body(right, 1), from_=1, note="", accepts=few)
        assert codes(frames) == ["checkpoint.not_extending"]
    # The own tail grows: the accepted head is now shorter, and shortens nothing.
    listed(left, "cc")
    assert accepts_in(fleet.tell("signer-1", "append", _body(left, 2), from_=2, note="", accepts=[]))
    frames = fleet.tell("signer-1", "append", _body(right, 1), from_=1, note="", accepts=docs)
    assert codes(frames) == ["checkpoint.not_extending"]
    listed(right, "dd")
    docs = [
        accept.to_doc()
        for accept in accepts_in(fleet.tell(others, "append", _body(right, 2), from_=2, note="", accepts=[]))
    ]
    frames = fleet.tell("signer-1", "append", _body(right, 1), from_=1, note="", accepts=docs)
    assert accepts_in(frames) and fleet.digest("signer-1") == fleet.digest("signer-2")


def test_a_cosigned_head_never_gives_way_whatever_is_shown(fleet: Fleet) -> None:
    left, right = branches(fleet)
    fleet.home = left
    fleet.sequence(since=1)
    root = right.state.root
    forged = [sign_accept(fleet.id, name, 2, root, 0, fleet.home.keys[name]).to_doc() for name in NODES]
    for name in NODES:
        frames = fleet.tell(name, "append", _body(right, 1), from_=1, note="", accepts=forged)
        assert codes(frames) == ["checkpoint.not_extending"]


def test_a_shorter_cosigned_head_makes_nobody_drop_its_tail(fleet: Fleet) -> None:
    left, right = branches(fleet)
    assert accepts_in(fleet.tell("signer-1", "append", _body(left, 1), from_=1, note="", accepts=[]))
    frames = fleet.tell("signer-1", "append", _body(right, 1), from_=1, note=fleet.note, accepts=[])
    assert codes(frames) == ["checkpoint.not_extending"]


@pytest.mark.parametrize("hours", [-2, 2])
def test_times_far_from_the_own_clock_are_refused_unless_others_vouch(fleet: Fleet, hours: int) -> None:
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    names, late = NODES[:2], NODES[2]
    accepts = accepts_in(fleet.append(names, since=1))
    fleet.skew[late] = -hours * 3_600_000
    frames = fleet.append(late, since=1)
    assert [(f.head["code"], f.head["index"]) for f in frames if f.kind == "refused"] == [("time.outside_skew", 1)]
    assert codes(fleet.append(late, since=1, accepts=accepts[:1])) == ["time.outside_skew"]
    assert accepts_in(fleet.append(late, since=1, accepts=accepts))


def test_a_quorum_note_vouches_for_old_entries(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    fleet.sequence(NODES[:3], since=1)
    fleet.now += 3_600_000
    assert codes(fleet.append("guardian-1", since=1)) == ["time.outside_skew"]
    assert accepts_in(fleet.append("guardian-1", since=1, note=fleet.note))


def test_an_entry_that_the_fold_refuses_is_named_and_nothing_of_its_append_is_kept(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    bad = fleet.home.clone()
    bad.entries.append(bad.entries[-1])
    frames = fleet.append("signer-1", since=1, entries=bad.entries[1:])
    assert [(f.head["code"], f.head["index"]) for f in frames if f.kind == "refused"] == [
        ("statement.already_counted", 2)
    ]
    assert fleet.digest("signer-1")[0] == 1


def test_a_gap_is_refused_and_the_own_head_told(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    listed(fleet.home, "bb")
    frames = fleet.append("signer-3", since=2)
    assert codes(frames) == ["log.gap"]
    assert [frame.head["size"] for frame in frames if frame.kind == "head"] == [1]


def test_nothing_is_cosigned_without_a_quorum_of_accepts(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    accepts = accepts_in(fleet.append(since=1))
    assert codes(fleet.cosign(accepts[:2], ["signer-1"])) == ["checkpoint.not_accepted"]
    assert codes(fleet.cosign([accepts[0]] * 3, ["signer-1"])) == ["checkpoint.not_accepted"]
    wrong = sign_accept(fleet.id, "signer-1", 2, b"\x00" * 32, 0, fleet.home.keys["signer-1"])
    assert codes(fleet.cosign([wrong], ["signer-1"])) == ["checkpoint.not_extending"]
    assert len(cosignatures_in(fleet.cosign(accepts[1:], ["signer-1"]))) == 1


def test_the_same_head_is_cosigned_again_with_a_new_time_and_never_a_lower_one(fleet: Fleet) -> None:
    first = accepts_in(fleet.append(since=0))
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    fleet.sequence(since=1)
    assert codes(fleet.cosign(first, ["signer-1"])) == ["checkpoint.not_extending"]
    fleet.now += 20_000
    accepts = accepts_in(fleet.append(since=1))
    assert set(cosignatures_in(fleet.cosign(accepts))).isdisjoint(fleet.note.splitlines())


def test_a_restarted_node_speaks_only_after_others_have_told_their_heads(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    accepts = accepts_in(fleet.append(since=1))
    fleet.drop = lambda frame: frame.kind == "answer"
    fleet.start("signer-2")
    frames = fleet.append("signer-2", since=1)
    assert not accepts_in(frames)
    assert codes(fleet.cosign(accepts, ["signer-2"])) == ["rejoin.heads_missing"]
    assert head(fleet, "signer-2")["rejoined"] is False
    fleet.drop = lambda frame: False
    frames = fleet.tick(1000)
    assert [a.node for a in accepts_in(frames)] == ["signer-2"]
    assert cosignatures_in(fleet.cosign(accepts, ["signer-2"]))


def test_a_node_behind_an_answered_head_catches_up_first(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    fleet.sequence(NODES[:3], since=1)
    fleet.start("guardian-1")
    fleet.tick(1000)
    assert head(fleet, "guardian-1")["rejoined"] is False
    assert [accept.size for accept in accepts_in(fleet.append("guardian-1", since=1))] == [2]


def test_an_answer_counts_only_from_an_enrolled_node_over_the_own_nonce(fleet: Fleet) -> None:
    answers = []
    fleet.drop = lambda frame: frame.kind == "answer" and (answers.append(frame) or True)
    node = fleet.start("signer-1")
    fleet.tick(1000)
    assert len(answers) >= 3
    for frame in answers:
        frame.head["size"] = 0  # the signature no longer fits
        node.receive(frame)
    assert set(codes(node.outbox)) == {"credential.bad_signature"}
    assert head(fleet, "signer-1")["rejoined"] is False


def test_a_node_shown_its_own_cosignature_above_its_highest_is_silent_for_ever(fleet: Fleet) -> None:
    snapshot = fleet.disks["signer-1"].serialize()
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    accepts = accepts_in(fleet.append(since=1))
    note = fleet.sequence(since=1)
    for again in range(2):
        if not again:
            fleet.restore("signer-1", snapshot)
            fleet.tick(1000)
            assert codes(fleet.append("signer-1", since=1, note=note)) == ["share.restored"]
        else:
            fleet.start("signer-1")
            fleet.tick(1000)
        assert codes(fleet.append("signer-1", since=1)) == ["share.restored"]
        assert codes(fleet.cosign(accepts, ["signer-1"])) == ["share.restored"]
        assert fleet.digest("signer-1")[0] == 1


def test_a_node_that_finds_a_start_of_its_own_that_it_does_not_know_is_silent(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    fleet.home.boot("signer-1", "aa" * 32)
    assert codes(fleet.append("signer-1", since=1)) == ["share.restored"]
    assert codes(fleet.tell("signer-1", "checkpoint", note=fleet.note)) == ["share.restored"]


def test_a_note_needs_a_quorum_of_this_log_and_the_own_branch(fleet: Fleet) -> None:
    left, right = branches(fleet)
    note = forged_note(fleet.home, fleet.home.state, NODES[:2], fleet.now)
    assert codes(fleet.tell("signer-1", "checkpoint", note=note)) == ["checkpoint.no_quorum"]
    note = forged_note(fleet.home, fleet.home.state, ["signer-2"] * 3, fleet.now)
    assert codes(fleet.tell("signer-1", "checkpoint", note=note)) == ["checkpoint.no_quorum"]
    fleet.tell("signer-3", "append", _body(left, 1), from_=1, note="", accepts=[])
    note = forged_note(fleet.home, right.state, [n for n in NODES if n != "signer-3"], fleet.now)
    assert codes(fleet.tell("signer-3", "checkpoint", note=note)) == ["checkpoint.not_extending"]


def test_entries_are_given_back_as_they_are(fleet: Fleet) -> None:
    frame = fleet.tell("guardian-1", "entries.ask", from_=0, limit=5)[0]
    assert (frame.kind, frame.head["count"]) == ("entries", 1)
    assert frame.body[4:] == fleet.home.entries[0].raw


def test_a_node_that_starts_again_holds_what_it_held(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    listed(fleet.home, "aa")
    fleet.append(SIGNERS[1:], since=1)
    before = {name: fleet.digest(name) for name in NODES}
    for name in NODES:
        fleet.start(name)
    assert {name: fleet.digest(name) for name in NODES} == before


def _body(home: Workspace, start: int) -> bytes:
    from strongroom.wire.frame import join_entries

    return join_entries([entry.raw for entry in home.entries[start:]])


def test_notes_are_kept_at_intervals_for_a_coordinator_that_is_rebuilt_from_this_disk(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "NOTES_EVERY", 2)
    for number in range(4):
        listed(fleet.home, f"{number:02x}")
        fleet.sequence()
    notes = Disk(fleet.disks["signer-1"]).all("note")
    sizes = {name: parse_note(fact["note"]).checkpoint.size for name, fact in notes.items()}
    assert sizes == {"0": 1, "1": 3, "2": 4, "newest": 4}, "the very last is durable with the next commit"
