"""What an approver signs: its own obligations and its own head; and what would not count is told before it leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.approver.deeds import approval, stop, would_count
from strongroom.approver.replica import Replica
from strongroom.approver.shelf import Shelf
from strongroom.approver.sources import Follower
from strongroom.custody.state import TransferId
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import from_envelope, sign_statement
from strongroom.errors import Refused
from tests.unit.approver.mirror import Mirror
from tests.workspace import WEI, Workspace


@pytest.fixture
def follower(home: Workspace, asked: TransferId, machine: Callable[..., Follower]) -> Follower:
    made = machine(Mirror(home))
    made.look()
    return made


def approved(home: Workspace, follower: Follower, name: str, person: str) -> Envelope:
    replica, key = follower.replica, home.keys[person]
    transfer = replica.state.transfers[TransferId(name)]
    statement = approval(replica.known, transfer, person=person, key=key.key_id, now=home.time)
    return sign_statement(statement, key)


def test_the_log_takes_it(home: Workspace, asked: TransferId, follower: Follower) -> None:
    envelope = approved(home, follower, asked, "bob")
    transfer = follower.replica.state.transfers[asked]
    would_count(follower.replica.state, envelope, transfer, home.time)
    home.add("transfer.approved", {"transfer": asked}, [envelope])
    assert home.state.transfers[asked].approvals[0].person == "bob"
    assert from_envelope(envelope).seen == follower.replica.head.seen


@pytest.mark.parametrize(
    ("person", "code"), [("alice", "approval.by_initiator"), ("exchange", "authority.not_an_approver")]
)
def test_who_may_not_is_told(home: Workspace, asked: TransferId, follower: Follower, person: str, code: str) -> None:
    envelope = approved(home, follower, asked, person)
    with pytest.raises(Refused) as caught:
        would_count(follower.replica.state, envelope, follower.replica.state.transfers[asked], home.time)
    assert caught.value.code == code


def test_nothing_is_made_of_what_is_denied(home: Workspace, asked: TransferId, follower: Follower) -> None:
    home.time += 24 * 3_600_000
    with pytest.raises(Refused, match=r"intent\.expired"):
        approved(home, follower, asked, "bob")


def test_a_stop_asks_for_no_head(home: Workspace) -> None:
    key = home.keys["bob"]
    subject = {"scope": "workspace", "target": "", "reason": "x"}
    statement = stop(home.state.workspace, "workspace.freeze", subject, person="bob", key=key.key_id, now=home.time)
    envelope = sign_statement(statement, key)
    assert statement.seen is None
    home.add("workspace.frozen", subject, [envelope])
    assert home.state.freezes


def test_a_key_of_another_surface_is_told_before_it_signs(tmp_path: Path) -> None:
    home = Workspace()
    home.policy["fold"] = 2
    home.policy["rules"][2]["allow"]["surface"] = "approver"
    name = home.ready().propose("alice", amount=str(2 * WEI))
    made = Follower(Replica(home.state.workspace, Shelf(tmp_path)), [Mirror(home)])
    made.look()
    with pytest.raises(Refused, match=r"approval\.surface_is_the_credentials"):
        approved(home, made, name, "bob")
