"""Threshold sessions: who takes part, what peers may send, what a probe costs."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.documents.envelope import Envelope
from strongroom.signer.probes import BUDGET
from strongroom.wire.frame import Frame
from tests.unit.signer.fleet import SIGNERS, Fleet, accepts_in, codes
from tests.workspace import NODES

PAIR = SIGNERS[:2]
OTHER = (SIGNERS[0], SIGNERS[2])


@pytest.fixture
def fleet() -> Fleet:
    return Fleet().ready()


def signed(frames: list[Frame]) -> int:
    return sum(frame.kind == "signed" for frame in frames)


def head(fleet: Fleet, name: str) -> dict[str, Any]:
    return next(frame.head for frame in fleet.tell(name, "head.ask") if frame.kind == "head")


def test_messages_that_come_before_the_request_are_kept(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    assert not signed(fleet.sign(transfer, digest, to=["signer-2"]))
    assert signed(fleet.sign(transfer, digest, to=["signer-1"])) == 2


def test_early_messages_are_bounded(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    for number in range(500):
        junk = Frame("peer", "signer-2", "signer-1", {"session": f"{number:064x}", "seq": 0}, b"\x00" * 100_000)
        fleet.nodes["signer-1"].receive(junk)
    kept = fleet.nodes["signer-1"]._here.sessions._early
    assert 0 < len(kept) <= 64 and sum(len(frame.body) for _, frame in kept) <= 8 << 20
    assert signed(fleet.sign(transfer, digest, OTHER)) == 2
    fleet.tick(16_000)
    assert not fleet.nodes["signer-1"]._here.sessions._early


def test_participants_are_exactly_the_threshold_in_order_and_this_node_among_them(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    for names in (SIGNERS, SIGNERS[:1], ("signer-2", "signer-1"), ("signer-1", "signer-1"), ("guardian-1", "signer-1"),
                  ("signer-2", "signer-3")):  # fmt: skip
        assert codes(fleet.sign(transfer, digest, names, to=["signer-1"])) == ["session.participants"]
    for odd in ([{}, 1], ["signer-1", []]):
        assert codes(fleet.sign(transfer, digest, odd, to=["signer-1"])) == ["session.participants"]


def test_a_message_in_the_own_name_or_of_a_bystander_is_refused_and_harms_no_session(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    held: list[Frame] = []
    fleet.drop = lambda frame: frame.kind == "peer" and frame.to == "signer-1" and (held.append(frame) or True)
    fleet.sign(transfer, digest)
    first = held[0]
    fleet.drop = lambda frame: False
    node = fleet.nodes["signer-1"]
    for sender, code in (("signer-1", "session.sender"), ("signer-3", "session.sender"), ("nobody", "session.sender")):
        node.receive(Frame("peer", sender, "signer-1", first.head, first.body))
        assert codes(node.outbox) == [code]
        node.outbox.clear()
    broken = first.body[:-1] + bytes([first.body[-1] ^ 1])
    for head_, body in ((first.head, broken), ({**first.head, "seq": 1}, first.body)):
        node.receive(Frame("peer", "signer-2", "signer-1", head_, body))
        assert codes(node.outbox) == ["channel.not_authentic"]
        node.outbox.clear()
    fleet.inbox.clear()
    for frame in [*held, *held]:  # each a second time, as a relay may
        node.receive(frame)
    fleet.carry()
    assert signed(fleet.inbox) == 2


def test_a_message_of_another_session_opens_in_none(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    held: list[Frame] = []
    fleet.drop = lambda frame: frame.kind == "peer" and (held.append(frame) or True)
    fleet.sign(transfer, digest, nonce="01" * 32)
    fleet.sign(transfer, digest, nonce="02" * 32)
    old, new = (next(f for f in held[i:] if f.to == "signer-1") for i in (0, 2))
    assert old.head["session"] != new.head["session"]
    fleet.nodes["signer-1"].receive(Frame("peer", "signer-2", "signer-1", new.head, old.body))
    assert codes(fleet.nodes["signer-1"].outbox) == ["channel.not_authentic"]


def test_a_session_in_which_a_peer_is_silent_ends_and_costs_no_probe(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.drop = lambda frame: frame.kind == "peer" and frame.head["seq"] == 2
    fleet.sign(transfer, digest)
    frames = fleet.tick(15_000)
    assert sorted((f.sender, f.head["code"], *f.head["culprits"]) for f in frames if f.kind == "refused") == [
        ("signer-1", "session.timeout", "signer-2"),
        ("signer-2", "session.timeout", "signer-1"),
    ]
    fleet.start("signer-1")
    assert head(fleet, "signer-1")["budget"] == {}


def test_blame_bars_the_pair_durably_before_anything_is_sent(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.hooks["signer-1"].update(blame_at=1, blame=2)
    node, leaked = fleet.nodes["signer-1"], []
    commit = node._here.disk.commit

    def watching(**options: bool) -> None:
        commit(**options)
        rows = fleet.disks["signer-1"].execute("SELECT count(*) FROM fact WHERE kind = 'ban'").fetchone()[0]
        leaked.append((rows, codes(node.outbox)))

    node._here.disk.commit = watching
    frames = fleet.sign(transfer, digest)
    assert (1, []) in leaked and (0, ["session.blame"]) not in leaked
    refused = next(f for f in frames if f.kind == "refused" and f.sender == "signer-1")
    assert (refused.head["code"], refused.head["culprits"]) == ("session.blame", ["signer-2"])
    fleet.hooks["signer-1"].clear()
    for _ in range(2):
        assert codes(fleet.sign(transfer, digest, to=["signer-1"], nonce="ee" * 32)) == ["signer.barred"]
        fleet.start("signer-1")
        fleet.tick(1000)
    assert head(fleet, "signer-1")["bans"] == 1


def test_the_log_is_asked_to_bar_the_pair_until_it_does(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.hooks["signer-1"].update(blame_at=2, blame=2)
    frames = fleet.sign(transfer, digest)
    asked = [f for f in frames if f.kind == "submit"]
    assert [f.head["kind"] for f in asked] == ["signer.barred"]
    assert [f.head["kind"] for f in fleet.tick(5000) if f.kind == "submit"] == ["signer.barred"]
    fleet.add(fleet.log, asked[0])
    assert not [f for f in fleet.tick(5000) if f.kind == "submit"]
    # Everybody knows it now: the accused, too, and the pair stays apart whatever the accuser's disk says.
    assert codes(fleet.sign(transfer, digest, to=["signer-2"])) == ["signer.barred"]
    fleet.hooks["signer-1"].clear()
    assert signed(fleet.sign(transfer, digest, OTHER)) == 2


def test_a_crash_between_check_and_record_counts_as_a_probe_until_the_budget_is_spent(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()

    class Killed(BaseException):
        pass

    def kill(session: Any) -> None:
        if session.round == 1:
            raise Killed

    for number in range(BUDGET):
        fleet.hooks["signer-1"]["step"] = kill
        with pytest.raises(Killed):
            fleet.sign(transfer, digest, nonce=f"{number:064x}")
        fleet.hooks["signer-1"].clear()
        for node in fleet.nodes.values():
            node.outbox.clear()
        fleet.start("signer-1")
        assert head(fleet, "signer-1")["budget"] == {"hot-ecdsa": {"signer-2": number + 1}}
        frames = fleet.tick(5000)
        if number:
            fleet.home.time = fleet.now
        fleet.log_starts(frames)
    assert codes(fleet.sign(transfer, digest, to=["signer-1"])) == ["session.budget_spent"]
    assert signed(fleet.sign(transfer, digest, OTHER)) == 2


def test_a_panic_in_a_probing_step_counts_as_a_probe(fleet: Fleet) -> None:
    from strongroom.keys.threshold import CoreRefused

    transfer, digest = fleet.transfer()

    def panic(session: Any) -> None:
        if session.round == 2:
            raise CoreRefused("core.panic", "stopped")

    fleet.hooks["signer-1"]["step"] = panic
    assert "core.panic" in codes(fleet.sign(transfer, digest))
    assert head(fleet, "signer-1")["budget"] == {"hot-ecdsa": {"signer-2": 1}}
    assert head(fleet, "signer-1")["bans"] == 0


def test_a_superseded_boot_takes_part_in_nothing(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    # The peer starts again: its newest boot is logged, so neither the old one nor an unlogged one counts.
    fleet.start("signer-2")
    frames = fleet.tick(5000)
    assert codes(fleet.sign(transfer, digest, to=["signer-2"])) == ["session.boot_superseded"]
    size, fleet.home.time = len(fleet.home.entries), fleet.now
    fleet.log(next(f for f in frames if f.kind == "submit" and f.head["kind"] == "signer.started"))
    accepts = accepts_in(fleet.append(since=size))
    assert codes(fleet.sign(transfer, digest)) == ["session.boot_superseded"] * 2
    assert accepts
    fleet.sequence(since=size)
    assert signed(fleet.sign(transfer, digest, nonce="ab" * 32)) == 2


def test_a_clone_beside_the_original_silences_the_original(fleet: Fleet) -> None:
    snapshot = fleet.disks["signer-1"].serialize()
    original = fleet.nodes["signer-1"]
    fleet.restore("signer-1", snapshot)
    fleet.log_starts(fleet.tick(5000))
    fleet.nodes["signer-1"] = original
    frames = fleet.append("signer-1", since=len(fleet.home.entries) - 1, note=fleet.note)
    assert codes(frames) == ["share.restored"]


def test_a_second_session_for_the_same_payload_replaces_the_first(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.drop = lambda frame: frame.kind == "peer"
    for number in range(100):
        assert not codes(fleet.sign(transfer, digest, nonce=f"{number:064x}"))
    assert len(fleet.nodes["signer-1"]._here.sessions._jobs) == 1


@pytest.mark.parametrize("people", [(), ("alice",), ("alice", "alice"), ("alice", "exchange")])
def test_no_key_is_generated_without_the_administrators_threshold(fleet: Fleet, people: tuple[str, ...]) -> None:
    order = fleet.order("second")
    fleet.home.time = fleet.now
    orders = [fleet.home.statement(person, "key.generate", order).to_doc() for person in people]
    frames = fleet.tell(SIGNERS, "keygen", order=order, orders=orders, nonce="aa" * 32)
    expected = "approval.person_already_counted" if people == ("alice", "alice") else "authority.threshold"
    assert codes(frames) == [expected] * 3


def test_an_order_is_for_exactly_what_was_signed_and_for_a_new_name(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    order = fleet.order("second")
    docs = [fleet.home.statement(person, "key.generate", order).to_doc() for person in ("alice", "bob")]
    other = {**order, "name": "third"}
    assert set(codes(fleet.tell("signer-1", "keygen", order=other, orders=docs, nonce="aa" * 32))) == {
        "statement.other_subject"
    }
    known = fleet.order()
    docs = [fleet.home.statement(person, "key.generate", known).to_doc() for person in ("alice", "bob")]
    assert codes(fleet.tell("signer-1", "keygen", order=known, orders=docs, nonce="aa" * 32)) == ["key.exists"]
    fleet.now += 2 * 3_600_000
    docs = [fleet.home.statement(person, "key.generate", order).to_doc() for person in ("alice", "bob")]
    assert codes(fleet.tell("signer-1", "keygen", order=order, orders=docs, nonce="aa" * 32)) == ["statement.expired"]


def test_the_share_is_durable_before_the_transcript_leaves_and_a_run_can_be_repeated(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    order = fleet.order("second")
    docs = [fleet.home.statement(person, "key.generate", order).to_doc() for person in ("alice", "bob")]
    found = []
    for nonce in ("01" * 32, "02" * 32):
        frames = fleet.tell(SIGNERS, "keygen", order=order, orders=docs, nonce=nonce)
        found.append({f.head["transcript"] for f in frames if f.kind == "transcript"})
        assert all(Envelope.from_doc(f.head["envelope"]) for f in frames if f.kind == "transcript")
    assert [len(transcripts) for transcripts in found] == [1, 1] and found[0] != found[1]
    fleet.start("signer-1")
    rows = fleet.disks["signer-1"].execute("SELECT name FROM fact WHERE kind = 'share'").fetchall()
    assert {name for (name,) in rows} >= found[0] | found[1]


def test_possession_is_proven_for_a_pending_key_only(fleet: Fleet) -> None:
    assert codes(
        fleet.tell("signer-1", "possession", name="hot-ecdsa", participants=list(OTHER), nonce="aa" * 32)
    ) == []  # fmt: skip
    fleet.disks["signer-1"].execute("DELETE FROM fact WHERE kind = 'signature'")
    assert codes(fleet.tell("signer-1", "possession", name="hot-ecdsa", participants=list(OTHER), nonce="aa" * 32)) == [
        "key.exists"
    ]
    assert codes(fleet.tell("signer-1", "possession", name="third", participants=list(PAIR), nonce="aa" * 32)) == [
        "share.missing"
    ]


def test_every_node_ends_with_the_same_state(fleet: Fleet) -> None:
    fleet.transfer()
    assert len({fleet.digest(name) for name in NODES}) == 1
