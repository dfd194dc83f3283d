"""Who must have signed: every statement is bound to its workspace, kind, subject, key, time and log."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Seen
from strongroom.errors import Refused, StrongroomError
from tests.workspace import HOUR, WEI, Workspace


@pytest.fixture
def home() -> Workspace:
    return Workspace().ready()


def refused(home: Workspace, kind: str, body: dict[str, object], evidence: list[Envelope], code: str) -> None:
    before = home.state
    with pytest.raises(StrongroomError) as caught:
        home.add(kind, body, evidence)
    assert caught.value.code == code
    assert home.state is before


def listing(home: Workspace) -> dict[str, object]:
    return {"account": "eip155:31337:0x" + "ab" * 20, "group": "vendors", "label": "a vendor"}


def test_i1_a_statement_of_another_kind_counts_for_nothing(home: Workspace) -> None:
    body = listing(home)
    refused(home, "address.listed", body, [home.statement("alice", "address.delist", body)], "statement.wrong_kind")


def test_i1_a_statement_of_another_workspace_counts_for_nothing(home: Workspace) -> None:
    body = listing(home)
    foreign = home.statement("alice", "address.list", body, workspace="ab" * 32)
    refused(home, "address.listed", body, [foreign], "statement.other_workspace")


def test_i1_a_statement_about_another_subject_counts_for_nothing(home: Workspace) -> None:
    body = listing(home)
    other = home.statement("alice", "address.list", {**body, "label": "someone else"})
    refused(home, "address.listed", body, [other], "statement.other_subject")


def test_a_statement_expires_in_log_time(home: Workspace) -> None:
    body = listing(home)
    old = home.statement("alice", "address.list", body, not_after=home.time - 1)
    refused(home, "address.listed", body, [old], "statement.expired")
    endless = home.statement("alice", "address.list", body, not_after=None)
    refused(home, "address.listed", body, [endless], "statement.expired")


def test_a_granting_statement_has_seen_a_root_of_this_log(home: Workspace) -> None:
    body = listing(home)
    size = home.state.size
    for seen, code in (
        (None, "statement.seen_unknown"),
        (Seen(size, "00" * 32), "statement.seen_unknown"),
        (Seen(size + 1, home.state.root.hex()), "statement.seen_unknown"),
    ):
        refused(home, "address.listed", body, [home.statement("alice", "address.list", body, seen=seen)], code)


def test_a_statement_ages_by_entries(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.custody.fold.ROOTS_KEPT", 10)
    body = listing(home)
    old = home.statement("alice", "address.list", body)
    for index in range(11):
        home.propose(amount=str(1 + index))
    refused(home, "address.listed", body, [old], "statement.seen_too_old")


def test_an_unknown_or_revoked_key_and_a_suspended_person_say_nothing(home: Workspace) -> None:
    body = listing(home)
    stranger = home.keys["signer-1"]
    forged = home.clone()
    forged.keys["alice"] = stranger
    refused(home, "address.listed", body, [forged.statement("alice", "address.list", body)], "statement.unknown_key")
    home.stopped("key.revoked", "key.revoke", {"key": home.keys["alice"].key_id}, ["alice"])
    refused(home, "address.listed", body, [home.statement("alice", "address.list", body)], "credential.revoked")
    home.stopped("person.suspended", "person.suspend", {"person": "bob"}, ["carol"])
    refused(home, "address.listed", body, [home.statement("bob", "address.list", body)], "person.suspended")


def test_a_changed_statement_does_not_verify(home: Workspace) -> None:
    body = listing(home)
    genuine = home.statement("alice", "address.list", body)
    forged = Envelope(genuine.payload.replace(b"a vendor", b"a robber"), genuine.payload_type, genuine.signatures)
    refused(home, "address.listed", {**body, "label": "a robber"}, [forged], "credential.bad_signature")


def test_i2_one_statement_fewer_than_the_threshold_is_refused(home: Workspace) -> None:
    routes = [{"route": "key", "key": "hot-ecdsa"}]
    body = {"name": "w2", "chain": "eip155:31337", "key": "hot-ecdsa", "path": [1], "tier": "hot", "routes": routes}
    refused(home, "wallet.opened", body, [home.statement("alice", "wallet.open", body)], "authority.threshold")
    twice = [home.statement("alice", "wallet.open", body) for _ in range(2)]
    refused(home, "wallet.opened", body, twice, "approval.person_already_counted")
    service = [home.statement(p, "wallet.open", body) for p in ("alice", "exchange")]
    refused(home, "wallet.opened", body, service, "authority.threshold")
    home.granted("wallet.opened", "wallet.open", body, ["alice", "carol"])


def test_i2_every_signature_of_the_creation_is_needed() -> None:
    complete = Workspace().create().entries[0]
    for index in range(len(complete.evidence)):
        fresh = Workspace()
        fewer = [e for i, e in enumerate(complete.evidence) if i != index]
        with pytest.raises(Refused) as caught:
            fresh.add("workspace.created", complete.body, fewer)
        assert caught.value.code == "authority.threshold"


def test_a_log_begins_with_its_workspace_and_holds_one() -> None:
    fresh = Workspace()
    with pytest.raises(Refused, match=r"workspace\.missing"):
        fresh.add("transfer.proposed", {"transfer": "00" * 32})
    first = fresh.create().entries[0]
    with pytest.raises(Refused, match=r"workspace\.created_twice"):
        fresh.add("workspace.created", first.body, first.evidence)
    assert fresh.state.workspace == first.leaf.hex()


def test_log_time_never_runs_backwards(home: Workspace) -> None:
    home.propose()
    with pytest.raises(Refused, match=r"time\.backwards"):
        home.add("transfer.proposed", {"transfer": "00" * 32}, later=-1)


def test_unknown_kinds_are_refused(home: Workspace) -> None:
    refused(home, "transfer.teleported", {}, [], "entry.unknown_kind")


def test_the_proposer_is_a_member_and_a_replay_is_known_by_its_key(home: Workspace) -> None:
    subject = home.intent(idempotency="once")
    home.propose(idempotency="once")
    with pytest.raises(Refused, match=r"intent\.idempotency_used"):
        home.propose(idempotency="once", amount=str(WEI // 4))
    with pytest.raises(Refused, match=r"person\.unknown"):
        home.propose(by="signer-1")
    assert subject["until"] == home.time + HOUR


@pytest.mark.parametrize(
    ("field", "text"),
    [("possession", "zz"), ("possession", " 11" * 64), ("public_key", "0"), ("public_key", "04" + "11" * 64),
     ("chain_code", ""), ("chain_code", "11" * 31)],
)  # fmt: skip
def test_i17_a_key_in_odd_hex_is_refused(monkeypatch: pytest.MonkeyPatch, field: str, text: str) -> None:
    home = Workspace().create()
    add = home.add

    def changed(kind: str, body: dict[str, Any], evidence: Any) -> Any:
        body = {**body, field: text}
        outcome = {name: body[name] for name in ("public_key", "chain_code", "transcript")}
        subject = {"key": "hot-ecdsa", "epoch": 0, **outcome}
        signing = [home.statement(s, "key.transcript", subject, bare=True) for s in body["order"]["participants"]]
        return add(kind, body, [*evidence[:2], *signing])

    monkeypatch.setattr(home, "add", changed)
    with pytest.raises(StrongroomError, match=r"hex\.syntax"):
        home.generate()
