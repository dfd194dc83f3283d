"""Checks of a node that stand in front of others: each refuses by itself, with its own reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from strongroom.documents.envelope import Envelope
from strongroom.errors import InvalidInput, Refused
from strongroom.signer import replica
from strongroom.signer.disk import Disk
from strongroom.signer.run import Runner
from strongroom.signer.sessions import MOST as MOST_SESSIONS
from strongroom.signer.stops import MOST as MOST_STOPS
from strongroom.wire.frame import Frame
from tests.unit.signer.fleet import SIGNERS, Fleet, codes, listed
from tests.workspace import Workspace


@pytest.fixture
def fleet() -> Fleet:
    return Fleet().ready()


def order_of(fleet: Fleet, name: str) -> dict[str, Any]:
    """A keygen request's fields for a new name."""
    order = fleet.order(name)
    fleet.home.time = fleet.now
    orders = [fleet.home.statement(person, "key.generate", order).to_doc() for person in ("alice", "bob")]
    return {"order": order, "orders": orders}


def peers_held(fleet: Fleet) -> None:
    """From now on nothing passes between peers."""
    fleet.drop = lambda frame: frame.to != "coordinator"


def test_i12_a_node_on_a_restored_disk_answers_nothing_and_starts_nothing(fleet: Fleet) -> None:
    name, digest = fleet.transfer()
    disk = Disk(fleet.disks["signer-1"])
    disk.put("restored", "disk", {"reason": "a test says so"})
    disk.commit()
    node = fleet.start("signer-1")
    fleet.carry()
    node.receive(Frame("challenge", "signer-2", "signer-1", {"nonce": "11" * 32}))
    assert codes(node.outbox) == ["share.restored"]
    fleet.carry()
    repair = fleet.home.statement("alice", "log.repair", {"number": 1}).to_doc()
    assert codes(fleet.tell("signer-1", "repair.ask", number=1, order=[repair])) == ["share.restored"]
    document = fleet.home.next_policy("signer-4", "signer-3")
    asked = {"kind": "signer.enrolled", "policy": document, "order": []}
    node.receive(Frame("change.ask", "coordinator", "signer-1", asked))
    assert codes(node.outbox) == ["share.restored"]
    fleet.carry()
    assert codes(fleet.sign(name, digest, to=["signer-1"], note="")) == ["share.restored"]
    assert codes(fleet.tell("signer-1", "keygen", **order_of(fleet, "second"), nonce="01" * 32)) == ["share.restored"]


def test_i12_a_node_that_has_not_rejoined_makes_no_key_and_proves_none(fleet: Fleet) -> None:
    fleet.tell(SIGNERS, "keygen", **order_of(fleet, "second"), nonce="01" * 32)
    peers_held(fleet)
    fleet.start("signer-1")
    asked = {"name": "second", "participants": ["signer-1", "signer-2"], "nonce": "02" * 32}
    assert codes(fleet.tell("signer-1", "possession", **asked)) == ["rejoin.heads_missing"]
    assert codes(fleet.tell("signer-1", "keygen", **order_of(fleet, "third"), nonce="03" * 32)) == [
        "rejoin.heads_missing"
    ]


def test_a_signature_that_does_not_verify_is_neither_kept_nor_sent(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, digest = fleet.transfer()
    monkeypatch.setattr(fleet.home, "sign", lambda message: bytes(64))
    frames = fleet.sign(name, digest)
    assert set(codes(frames)) == {"signature.invalid"} and not [frame for frame in frames if frame.kind == "signed"]
    assert not Disk(fleet.disks["signer-1"]).all("signature").keys() & {f"{name} {digest}"}


def test_runs_for_a_name_leave_shares_behind_and_are_few(fleet: Fleet) -> None:
    asked = order_of(fleet, "second")
    for run in range(8):
        assert not codes(fleet.tell(SIGNERS, "keygen", **asked, nonce=f"{run:064x}"))
    assert set(codes(fleet.tell(SIGNERS, "keygen", **asked, nonce="ff" * 32))) == {"key.attempts"}


def test_sessions_at_once_are_bounded(fleet: Fleet) -> None:
    peers_held(fleet)
    for number in range(MOST_SESSIONS):
        assert not codes(fleet.tell("signer-1", "keygen", **order_of(fleet, f"key-{number}"), nonce=f"{number:064x}"))
    asked = order_of(fleet, "one-more")
    assert codes(fleet.tell("signer-1", "keygen", **asked, nonce="ff" * 32)) == ["session.too_many"]


def test_stops_of_one_person_are_bounded_in_number_and_size(fleet: Fleet) -> None:
    node, base = fleet.nodes["signer-1"], len(fleet.home.entries)
    names = [fleet.home.propose() for _ in range(MOST_STOPS + 1)]
    fleet.append(["signer-1"], since=base)
    stops = [fleet.home.statement("alice", "transfer.reject", {"transfer": name}, bare=True) for name in names]
    for stop in stops[:-1]:
        node.take_stop(stop.to_doc())
    with pytest.raises(Refused, match=r"stop\.too_many"):
        node.take_stop(stops[-1].to_doc())
    long = fleet.home.statement("bob", "transfer.reject", {"transfer": "x" * 30_000}, bare=True)
    with pytest.raises(Refused, match=r"stop\.too_large"):
        node.take_stop(Envelope.from_doc(long.to_doc()).to_doc())


def test_above_hot_a_guardian_s_silence_stops() -> None:
    home = Workspace()
    home.policy["tiers"]["warm"] = {"checkpoint_age": 300, "schemes": ["ed25519-frost"]}
    fleet = Fleet(home.create()).ready()
    fleet.now += 5_000
    fleet.sequence(SIGNERS, since=len(fleet.home.entries) - 1)
    witness = fleet.nodes["signer-1"]._witness
    witness.require_fresh("hot")
    with pytest.raises(Refused, match=r"checkpoint\.guardian_missing"):
        witness.require_fresh("warm")
    fleet.now += 5_000
    fleet.refresh()
    witness.require_fresh("warm")


def test_i17_a_fault_of_the_fold_is_a_refusal_and_leaves_nothing(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    base = len(fleet.home.entries)
    fleet.home.time = fleet.now
    listed(fleet.home, "ab")

    def stumbles(state: object, entry: object) -> object:
        raise ValueError("what nobody has thought of")

    monkeypatch.setattr(replica, "apply", stumbles)
    before = fleet.digest("signer-1")
    assert codes(fleet.append(["signer-1"], since=base)) == ["entry.invalid"]
    assert fleet.digest("signer-1") == before


def test_a_home_without_a_readable_configuration_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text("name = ")
    with pytest.raises(InvalidInput, match=r"config\.syntax"):
        Runner(tmp_path)


def test_a_node_takes_nothing_from_another_but_sessions_and_heads(fleet: Fleet) -> None:
    node = fleet.nodes["signer-1"]
    for kind in ("append", "cosign", "sign", "nothing-known"):
        node.receive(Frame(kind, "signer-2", "signer-1", {}))
        assert codes(node.outbox) == ["frame.unknown_kind"]
        node.outbox.clear()
