"""The decision to sign, stops that are not logged yet, and signatures given once and for ever."""

from __future__ import annotations

import pytest

from strongroom.chains.verify import verify_signature
from strongroom.documents.envelope import Envelope
from strongroom.wire.frame import Frame
from tests.unit.signer.fleet import SIGNERS, Fleet, accepts_in, codes, cosignatures_in, forged_note
from tests.workspace import NODES, WEI

PAIR = SIGNERS[:2]


@pytest.fixture
def fleet() -> Fleet:
    return Fleet().ready()


def freeze(fleet: Fleet, person: str = "carol", **changes: str) -> Envelope:
    subject = {"scope": "workspace", "target": "", "reason": "drill", **changes}
    return fleet.home.statement(person, "workspace.freeze", subject, bare=True)


def latch(fleet: Fleet, envelope: Envelope, names: tuple[str, ...] = NODES) -> list[str]:
    return [frame.kind for frame in fleet.tell(names, "stop", envelope=envelope.to_doc())]


def signatures(frames: list) -> set[str]:
    return {frame.head["signature"] for frame in frames if frame.kind == "signed"}


def test_an_authorized_payload_is_signed_by_both(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    frames = fleet.sign(transfer, digest)
    (signature,) = signatures(frames)
    assert len(frames) == 2
    public = fleet.home.state.keys["hot-ecdsa"].public_key
    verify_signature("ecdsa-dkls23", public, bytes.fromhex(digest), bytes.fromhex(signature))


def test_the_same_request_yields_the_same_signature_without_a_session_and_after_a_restart(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    first = signatures(fleet.sign(transfer, digest))
    fleet.drop = lambda frame: frame.kind == "peer"
    assert signatures(fleet.sign(transfer, digest, nonce="dd" * 32)) == first
    fleet.start("signer-1")
    fleet.now += 3_600_000
    assert signatures(fleet.sign(transfer, digest, to=["signer-1"])) == first


def test_a_payload_that_the_log_does_not_authorize_is_not_signed(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    assert set(codes(fleet.sign(transfer, "ab" * 32))) == {"payload.not_authorized"}
    assert set(codes(fleet.sign("ab" * 32, digest))) == {"transfer.unknown"}
    other = fleet.add(fleet.home.propose)
    assert set(codes(fleet.sign(other, digest))) == {"payload.not_authorized"}


def test_an_authorization_counts_once_it_is_quorum_cosigned(fleet: Fleet) -> None:
    name = fleet.add(fleet.home.propose)
    size = len(fleet.home.entries)
    fleet.home.authorize(name)
    fleet.append(since=size)
    digest = fleet.home.state.transfers[name].payloads[0].digest
    assert set(codes(fleet.sign(name, digest))) == {"payload.not_authorized"}
    fleet.sequence(since=size)
    assert signatures(fleet.sign(name, digest))


def test_a_stale_checkpoint_signs_nothing_until_it_is_cosigned_again(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.now += 31_000
    assert codes(fleet.sign(transfer, digest)) == ["checkpoint.stale"] * 2
    fleet.refresh()
    assert signatures(fleet.sign(transfer, digest))


def test_a_head_that_grows_stale_ends_the_session_under_it(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.now += 25_000
    late: list[Frame] = []
    fleet.drop = lambda frame: frame.kind == "peer" and not late.append(frame)
    fleet.sign(transfer, digest)
    fleet.now += 6_000
    fleet.drop = lambda frame: False
    for frame in late:
        fleet.nodes[frame.to].receive(frame)
    fleet.carry()
    assert codes(fleet.inbox) == ["checkpoint.stale"] * 2
    assert not signatures(fleet.inbox)


def test_cosignatures_from_the_future_keep_nothing_fresh(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    ahead = forged_note(fleet.home, fleet.home.state, NODES[1:], fleet.now + 3_600_000)
    fleet.now += 40_000
    assert codes(fleet.sign(transfer, digest, note=ahead, to=["signer-1"])) == ["checkpoint.stale"]


def test_a_few_witnesses_do_not_make_a_fresh_checkpoint(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    note = forged_note(fleet.home, fleet.home.state, NODES[:2], fleet.now)
    assert codes(fleet.sign(transfer, digest, note=note, to=["signer-1"])) == ["checkpoint.no_quorum"]


def test_a_freeze_at_one_signer_stops_it_before_it_is_logged_and_after_a_restart(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    kinds = latch(fleet, freeze(fleet), ("signer-1",))
    assert "latched" in kinds and "submit" in kinds
    assert "workspace.frozen" in codes(fleet.sign(transfer, digest))
    fleet.start("signer-1")
    fleet.tick(1000)
    fleet.refresh()
    assert codes(fleet.sign(transfer, digest, to=["signer-1"])) == ["workspace.frozen"]
    assert not signatures(fleet.tick(20_000))


def test_a_freeze_in_the_accepted_tail_stops_although_no_quorum_has_cosigned_it(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    size = len(fleet.home.entries)
    subject = {"scope": "wallet", "target": "hot-eth", "reason": "drill"}
    fleet.home.stopped("workspace.frozen", "workspace.freeze", subject, ["bob"])
    fleet.append(since=size)
    assert codes(fleet.sign(transfer, digest)) == ["workspace.frozen"] * 2


def test_a_stop_that_arrives_between_two_rounds_ends_the_session(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    held: list = []
    fleet.drop = lambda frame: frame.kind == "peer" and frame.head["seq"] == 1 and (held.append(frame) or True)
    assert not fleet.sign(transfer, digest)
    latch(fleet, freeze(fleet), ("signer-1",))
    for frame in held:
        fleet.nodes[frame.to].receive(frame)
    fleet.inbox.clear()
    fleet.carry()
    assert "workspace.frozen" in codes(fleet.inbox) and not signatures(fleet.inbox)


def test_a_stop_must_be_signed_by_somebody_who_may_stop(fleet: Fleet) -> None:
    own = fleet.home.statement("exchange", "workspace.freeze", freeze(fleet).payload and {
        "scope": "workspace", "target": "", "reason": "x"}, bare=True)  # fmt: skip
    assert codes(fleet.tell("signer-1", "stop", envelope=own.to_doc())) == ["authority.threshold"]
    grant = fleet.home.statement("alice", "address.list", {"a": 1})
    assert codes(fleet.tell("signer-1", "stop", envelope=grant.to_doc())) == ["statement.wrong_kind"]


def test_after_a_minute_nothing_is_cosigned_without_the_stop(fleet: Fleet) -> None:
    accepts = accepts_in(fleet.append(since=len(fleet.home.entries) - 1))
    envelope = freeze(fleet)
    latch(fleet, envelope, ("guardian-1",))
    fleet.now += 60_000
    assert cosignatures_in(fleet.cosign(accepts, ["guardian-1"]))
    fleet.now += 1
    assert codes(fleet.cosign(accepts, ["guardian-1"])) == ["stop.pending"]
    fleet.start("guardian-1")
    fleet.tick(1000)
    assert codes(fleet.cosign(accepts, ["guardian-1"])) == ["stop.pending"]
    # The log takes it: everything goes on, and the latch ends once a quorum has cosigned it.
    size = len(fleet.home.entries)
    fleet.home.time = fleet.now
    fleet.home.add("workspace.frozen", {"scope": "workspace", "target": "", "reason": "drill"}, [envelope])
    fleet.sequence(since=size)
    fleet.now += 120_000
    fleet.refresh()
    assert next(f.head["stops"] for f in fleet.tell("guardian-1", "head.ask")) == 0


def test_a_stop_that_the_fold_would_refuse_does_not_halt_the_log(fleet: Fleet) -> None:
    latch(fleet, freeze(fleet, scope="wallet", target="hot-eth"), ("guardian-1",))
    second = freeze(fleet, reason="again")
    assert codes(fleet.tell("guardian-1", "stop", envelope=second.to_doc())) == ["freeze.weekly"]
    # Another freeze by the same person is logged first: the latched one can never be logged alone.
    fleet.add(fleet.home.add, "workspace.frozen", {"scope": "workspace", "target": "", "reason": "again"}, [second])
    fleet.now += 120_000
    fleet.refresh()
    assert fleet.note.count("guardian-1") == 1


def test_a_stop_of_a_lost_tail_stays_in_force(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.home.time = fleet.now
    lost, kept = fleet.home.clone(), fleet.home.clone()
    subject = {"scope": "workspace", "target": "", "reason": "drill"}
    size = len(fleet.home.entries)
    lost.stopped("workspace.frozen", "workspace.freeze", subject, ["bob"])
    kept.granted("address.listed", "address.list", {"account": "eip155:31337:0x" + "ab" * 20, "group": "vendors",
                 "label": "a"}, ["alice"])  # fmt: skip
    fleet.append("signer-1", since=size, entries=lost.entries[size:])
    accepts = accepts_in(fleet.append(NODES[1:], since=size, entries=kept.entries[size:]))
    assert accepts_in(fleet.append("signer-1", since=size, entries=kept.entries[size:], accepts=accepts))
    assert fleet.digest("signer-1") == fleet.digest("signer-2")
    assert codes(fleet.sign(transfer, digest, to=["signer-1"])) == ["workspace.frozen"]


def test_a_rejection_withheld_from_the_log_binds_the_signer_that_has_it(fleet: Fleet) -> None:
    fleet.home.time = fleet.now
    obligations = None
    name = fleet.add(fleet.home.propose, "alice", amount=str(2 * WEI))
    from strongroom.custody.decision import verdict
    from strongroom.custody.moment import Moment

    answer = verdict(fleet.home.state, fleet.home.state.transfers[name], Moment.at(fleet.now))
    obligations = answer.obligations.digest
    fleet.add(fleet.home.approve, name, "bob", obligations)
    fleet.add(fleet.home.approve, name, "carol", obligations)
    fleet.add(fleet.home.authorize, name)
    digest = fleet.home.state.transfers[name].payloads[0].digest
    no = fleet.home.statement("bob", "transfer.reject", {"transfer": name}, bare=True)
    latch(fleet, no, ("signer-2",))
    assert codes(fleet.sign(name, digest, to=["signer-2"])) == ["intent.closed"]


def test_a_guardian_signs_nothing(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    assert codes(fleet.sign(transfer, digest, to=["guardian-1"])) == ["share.missing"]


def test_a_node_that_has_not_rejoined_signs_nothing(fleet: Fleet) -> None:
    transfer, digest = fleet.transfer()
    fleet.drop = lambda frame: frame.kind == "answer"
    fleet.start("signer-1")
    assert codes(fleet.sign(transfer, digest, to=["signer-1"])) == ["rejoin.heads_missing"]
