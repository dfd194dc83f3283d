"""A log that no side can continue: what witnesses state, what they hold to afterwards, and how a repair heals it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from strongroom.custody.repair import shown_by
from strongroom.documents.envelope import Envelope
from strongroom.log.accept import Accept, sign_accept
from strongroom.log.entry import Entry
from strongroom.signer.node import Node
from strongroom.wire.frame import Frame
from tests.unit.signer.fleet import Fleet, accepts_in, codes, cosignatures_in, forged_note, listed, note_of
from tests.workspace import NODES, Workspace

LEFT, RIGHT = NODES[:2], NODES[2:]


@pytest.fixture
def fleet() -> Fleet:
    """Two hold one tail and two another, each one entry behind the cosigned head of one entry."""
    fleet = Fleet()
    fleet.sequence()
    fleet.left, fleet.right = branches(fleet)  # type: ignore[attr-defined]
    hand(fleet, LEFT, fleet.left)  # type: ignore[attr-defined]
    hand(fleet, RIGHT, fleet.right)  # type: ignore[attr-defined]
    return fleet


def branches(fleet: Fleet) -> tuple[Workspace, Workspace]:
    fleet.home.time = fleet.now
    left, right = fleet.home.clone(), fleet.home.clone()
    listed(left, "aa")
    listed(right, "bb")
    return left, right


def hand(fleet: Fleet, names: Sequence[str], home: Workspace, since: int = 1, **head: Any) -> list[Frame]:
    """Append a workspace's entries to nodes."""
    return fleet.append(names, since=since, entries=home.entries[since:], **head)


def order(fleet: Fleet, number: int, people: Sequence[str] = ("alice", "bob")) -> list[Envelope]:
    """The administrators' statements; `fleet.home` stays at the head that a quorum has cosigned."""
    fleet.home.time = fleet.now
    return [fleet.home.statement(person, "log.repair", {"number": number}) for person in people]


def ask(fleet: Fleet, names: Sequence[str], number: int, orders: Sequence[Envelope] | None = None) -> list[Frame]:
    docs = [envelope.to_doc() for envelope in (order(fleet, number) if orders is None else orders)]
    return fleet.tell(names, "repair.ask", number=number, order=docs)


def stated(frames: Sequence[Frame]) -> list[Envelope]:
    return [Envelope.from_doc(frame.head["envelope"]) for frame in frames if frame.kind == "repair.state"]


def repaired(fleet: Fleet, home: Workspace, number: int, statements: Sequence[Envelope]) -> Entry:
    """The workspace's log with a repair behind its newest head."""
    home.time = fleet.now
    return home.repair(number, [*order(fleet, number), *statements])


def round_of(fleet: Fleet, home: Workspace, names: Sequence[str] = NODES, since: int = 1) -> str:
    """Append, cosign, and the note."""
    accepts = accepts_in(hand(fleet, names, home, since))
    fleet.note = note_of(fleet.id, accepts[0], cosignatures_in(fleet.cosign(accepts, names)))
    fleet.tell(names, "checkpoint", note=fleet.note)
    return fleet.note


def node(fleet: Fleet, name: str) -> Node:
    return fleet.nodes[name]


def test_a_split_of_two_and_two_heals_by_repair(fleet: Fleet) -> None:
    assert fleet.digest("signer-1") != fleet.digest("signer-3")
    home = fleet.home.clone()
    repaired(fleet, home, 1, stated(ask(fleet, NODES, 1))[:3])
    listed(home, "aa")  # sequenced again, with the time of now
    note = round_of(fleet, home)
    assert len({fleet.digest(name) for name in NODES}) == 1 and fleet.digest("signer-1")[0] == 3
    assert note.count("signer-") == 3 and "guardian-1" in note
    listed(home, "bb")
    round_of(fleet, home, since=3)
    assert fleet.digest("guardian-1")[0] == 4


def test_a_node_that_has_stated_for_one_neither_accepts_nor_cosigns_under_zero(fleet: Fleet) -> None:
    ask(fleet, NODES, 1)
    listed(fleet.left, "cc")  # type: ignore[attr-defined]
    left: Workspace = fleet.left  # type: ignore[attr-defined]
    for restarted in (False, True):
        if restarted:
            for name in NODES:
                fleet.start(name)
            fleet.tick(1000)
        assert not accepts_in(hand(fleet, LEFT, left))
        head = (left.state.size, left.state.root, 0)
        forged = [sign_accept(fleet.id, name, *head, fleet.home.keys[name]) for name in NODES]
        assert codes(fleet.cosign(forged, LEFT)) == ["repair.superseded"] * 2
        cosigned = [sign_accept(fleet.id, name, 1, fleet.home.state.root, 0, fleet.home.keys[name]) for name in NODES]
        assert set(codes(fleet.cosign(cosigned, NODES))) == {"repair.superseded"}


def test_a_statement_shows_the_highest_head_that_q_accepted_with_the_proof() -> None:
    fleet = Fleet()
    fleet.sequence()
    home, _ = branches(fleet)
    fleet.cosign(accepts_in(hand(fleet, NODES, home)), ["signer-1"])  # one alone has been shown them
    listed(home, "cc")
    hand(fleet, NODES, home)
    shown = [shown_by(fleet.home.state, envelope, 1) for envelope in stated(ask(fleet, NODES, 1))]
    assert {each.node: each.rank for each in shown} == {**dict.fromkeys(NODES, (0, 1)), "signer-1": (0, 2)}
    assert {accept.node for each in shown if each.node == "signer-1" for accept in each.accepts} == set(NODES)


def test_a_repair_keeps_a_head_that_one_alone_could_show_and_vouches_for_its_times() -> None:
    fleet = Fleet()
    fleet.sequence()
    home, _ = branches(fleet)
    fleet.cosign(accepts_in(hand(fleet, NODES[:3], home)), ["signer-1"])
    fleet.now += 7_200_000
    assert codes(hand(fleet, ["guardian-1"], home)) == ["time.outside_skew"]
    repaired(fleet, home, 1, stated(ask(fleet, NODES, 1))[:3])
    fleet.skew["guardian-1"] = 7_200_000  # the repair itself is dated by the clock
    refusals = [frame.head for frame in hand(fleet, ["guardian-1"], home) if frame.kind == "refused"]
    assert [(head["code"], head["index"]) for head in refusals] == [("time.outside_skew", 2)]
    fleet.skew["guardian-1"] = 0
    assert accepts_in(hand(fleet, ["guardian-1"], home))
    round_of(fleet, home)
    assert {fleet.digest(name)[0] for name in NODES} == {3}


def test_a_branch_of_a_higher_repair_replaces_even_a_longer_tail_and_an_own_cosigned_head() -> None:
    fleet = Fleet()
    fleet.sequence()
    left, right = branches(fleet)
    for byte in ("cc", "dd"):
        listed(left, byte)
    accepts = accepts_in(hand(fleet, NODES[:3], left))
    assert cosignatures_in(fleet.cosign(accepts, ["signer-1"]))  # one of three: not final
    base = fleet.home.clone()
    others = stated(ask(fleet, NODES[1:], 1))  # they were never shown the accepts
    repaired(fleet, base, 1, others)
    assert accepts_in(hand(fleet, ["signer-1"], base))
    assert node(fleet, "signer-1")._here.replica.own.rank == (0, 4)
    round_of(fleet, base)
    assert node(fleet, "signer-1")._here.replica.own.rank == (1, 2)
    assert node(fleet, "signer-1")._here.replica.most == 4
    assert right.state.size == 2
    for name in NODES:
        fleet.start(name)
    assert {fleet.digest(name)[0] for name in NODES} == {2}
    # Its old cosignature of four entries is its own, whatever it holds now; one of five is not.
    old = forged_note(fleet.home, left.state, ["signer-1"], fleet.now)
    assert codes(fleet.tell("signer-1", "checkpoint", note=old)) == ["log.gap"]
    listed(left, "ee")
    unknown = forged_note(fleet.home, left.state, ["signer-1"], fleet.now)
    assert codes(fleet.tell("signer-1", "checkpoint", note=unknown)) == ["share.restored"]


def test_a_head_that_a_repair_went_past_is_shown_no_longer() -> None:
    """Signer-2 was shown that q accepted four entries, then took a repair that knew nothing of them."""
    fleet = Fleet()
    fleet.sequence()
    left, _ = branches(fleet)
    for byte in ("cc", "dd"):
        listed(left, byte)
    accepts = accepts_in(hand(fleet, NODES[:3], left))
    base = fleet.home.clone()
    statements = stated(ask(fleet, NODES[1:], 1))
    fleet.cosign(accepts, ["signer-2"])  # it has stated: it learns, and does not cosign
    assert node(fleet, "signer-2")._here.replica.q_accepted.rank == (0, 4)
    repaired(fleet, base, 1, statements)
    hand(fleet, NODES, base)
    for restarted in (False, True):
        if restarted:
            fleet.start("signer-2")
            fleet.tick(1000)
        shown = [shown_by(fleet.home.state, envelope, 2) for envelope in stated(ask(fleet, ["signer-2"], 2))]
        assert [(each.rank, len(each.accepts)) for each in shown] == [((0, 1), 4)]


def test_a_disk_from_before_a_cosignature_under_the_repair_is_found_though_its_size_is_no_news(fleet: Fleet) -> None:
    for byte in ("c1", "c2", "c3"):
        listed(fleet.left, byte)  # type: ignore[attr-defined]
    left: Workspace = fleet.left  # type: ignore[attr-defined]
    forged = [sign_accept(fleet.id, n, 5, left.state.root, 0, fleet.home.keys[n]) for n in NODES]
    hand(fleet, LEFT, left)
    assert cosignatures_in(fleet.cosign(forged, ["signer-1"]))
    home = fleet.home.clone()
    repaired(fleet, home, 1, stated(ask(fleet, NODES[1:], 1)))
    hand(fleet, NODES, home)
    snapshot = fleet.disks["signer-1"].serialize()
    note = round_of(fleet, home)
    fleet.restore("signer-1", snapshot)
    assert codes(fleet.tell("signer-1", "checkpoint", note=note)) == ["share.restored"]


def test_a_repair_never_goes_below_a_quorum_cosigned_head(fleet: Fleet) -> None:
    home = fleet.home.clone()
    below = stated(ask(fleet, NODES, 1))[:3]
    repaired(fleet, home, 1, below)
    hand(fleet, NODES, home)
    round_of(fleet, home)
    listed(home, "dd")
    round_of(fleet, home, since=2)
    # Whoever forges all statements still moves nobody from a head that a quorum cosigned.
    evil = fleet.home.clone()
    repaired(fleet, evil, 2, [evil.shown(name, 2, evil.accepts()) for name in NODES])
    for name in NODES:
        assert codes(hand(fleet, [name], evil)) == ["checkpoint.not_extending"]


def test_within_a_repair_a_tail_gives_way_only_to_a_quorum(fleet: Fleet) -> None:
    one, two = fleet.home.clone(), fleet.home.clone()
    statements = stated(ask(fleet, NODES, 1))
    repaired(fleet, one, 1, statements[:3])
    repaired(fleet, two, 1, statements[1:])
    hand(fleet, LEFT, one)
    assert codes(hand(fleet, LEFT, two)) == ["checkpoint.not_extending"] * 2
    assert codes(hand(fleet, LEFT, fleet.left)) == ["checkpoint.not_extending"] * 2  # type: ignore[attr-defined]
    forged = [sign_accept(fleet.id, name, 2, fleet.left.state.root, 0, fleet.home.keys[name]) for name in NODES]  # type: ignore[attr-defined]
    lower = hand(fleet, LEFT, fleet.left, accepts=forged)  # type: ignore[attr-defined]
    assert codes(lower) == ["checkpoint.not_extending"] * 2, "accepts of a lower repair move nobody"
    # The two repairs of one number have split the log again: the next repair heals that.
    hand(fleet, RIGHT, two)
    three = fleet.home.clone()
    repaired(fleet, three, 2, stated(ask(fleet, NODES, 2))[:3])
    round_of(fleet, three)
    assert {fleet.digest(name)[0] for name in NODES} == {2}
    assert node(fleet, "signer-1")._here.replica.accepted.repair == 2


def test_a_node_states_only_on_the_administrators_order_and_for_no_lower_repair(fleet: Fleet) -> None:
    for people in ((), ("alice",), ("alice", "exchange")):
        assert codes(ask(fleet, ["signer-1"], 1, order(fleet, 1, people))) == ["authority.threshold"] or people == ()
    other = [*order(fleet, 1, ["alice"]), *order(fleet, 2, ["bob"])]
    assert codes(ask(fleet, ["signer-1"], 1, other)) == ["statement.other_subject"]
    assert not stated(ask(fleet, ["signer-1"], 1, order(fleet, 1, [])))
    assert node(fleet, "signer-1")._here.replica.stated == 0
    assert stated(ask(fleet, ["signer-1"], 2)) and stated(ask(fleet, ["signer-1"], 2))
    assert codes(ask(fleet, ["signer-1"], 1)) == ["repair.number"]
    fleet.start("signer-1")
    for number in (1, 1001, 2**53 - 1):
        assert codes(ask(fleet, ["signer-1"], number)) == ["repair.number"]


def test_a_stop_on_a_lost_tail_stays_latched(fleet: Fleet) -> None:
    fleet.left.stopped(  # type: ignore[attr-defined]
        "workspace.frozen", "workspace.freeze", {"scope": "workspace", "target": "", "reason": "theft"}, ["carol"]
    )
    hand(fleet, LEFT, fleet.left)  # type: ignore[attr-defined]
    home = fleet.home.clone()
    repaired(fleet, home, 1, stated(ask(fleet, NODES, 1))[:3])
    frames = hand(fleet, NODES, home)
    asked = {frame.sender for frame in frames if frame.kind == "submit" and frame.head["kind"] == "workspace.frozen"}
    assert asked == set(LEFT)


def test_an_answer_to_an_earlier_question_replaces_none_to_a_later(fleet: Fleet) -> None:
    answers: list[Frame] = []
    fleet.drop = lambda frame: frame.kind == "answer" and (answers.append(frame) or True)
    restarted = fleet.start("signer-1")
    fleet.tick(1000)
    early = {frame.sender: frame for frame in answers}
    home = fleet.home.clone()
    repaired(fleet, home, 1, stated(ask(fleet, NODES, 1))[:3])
    hand(fleet, NODES, home)
    answers.clear()
    fleet.tick(1000)
    late = {frame.sender: frame for frame in answers}
    for name in ("signer-2", "signer-3", "guardian-1"):
        restarted.receive(late[name])
        restarted.receive(early[name])
    heads = restarted._here.rejoin._heads
    assert {root for _, _, root in heads.values()} == {home.state.root}
    assert restarted._here.rejoin.holds()


def test_a_forged_or_foreign_accept_teaches_nothing(fleet: Fleet) -> None:
    home = fleet.home
    before = node(fleet, "signer-1")._here.replica.q_accepted
    left: Workspace = fleet.left  # type: ignore[attr-defined]
    good = [sign_accept(fleet.id, name, 2, left.state.root, 0, home.keys[name]) for name in NODES]
    bad = [Accept(a.node, a.size, a.root, a.repair, bytes(64)) for a in good]
    wrong = [sign_accept(fleet.id, name, 2, left.state.root, 1, home.keys[name]) for name in NODES]
    for accepts in (bad, wrong, good[:2], [good[0]] * 4):
        assert codes(fleet.cosign(accepts, ["signer-1"])) == ["checkpoint.not_accepted"]
    assert node(fleet, "signer-1")._here.replica.q_accepted == before
    assert cosignatures_in(fleet.cosign(good, ["signer-1"]))
    assert node(fleet, "signer-1")._here.replica.q_accepted.rank == (0, 2)
