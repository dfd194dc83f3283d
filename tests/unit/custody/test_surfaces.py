"""Where a key is used, and whether it can leave its device, is a matter of the key: no entry claims another."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.custody.decision import Awaiting, standing, verdict
from strongroom.custody.moment import Moment
from strongroom.custody.state import TransferId
from strongroom.documents.credentials import Credential
from strongroom.errors import StrongroomError
from strongroom.policy.evaluate import Allowed
from strongroom.policy.loader import load_policy
from tests.passkeys import SoftPasskey
from tests.workspace import WEI, Workspace

PAGE = "http://localhost:8420"


def house(**terms: Any) -> tuple[Workspace, TransferId, str]:
    """A transfer of alice's that two of the treasury approve under these terms, and the digest of what it owes."""
    home = Workspace()
    home.policy = home.second_fold()
    home.keys["bob"] = SoftPasskey(PAGE, surface="approver", seed="bob")  # type: ignore[assignment]
    home.keys["carol"] = SoftPasskey(PAGE, surface="approver", backup_eligible=True, seed="carol")  # type: ignore[assignment]
    home.keys["dave"] = SoftPasskey(PAGE, seed="dave")  # type: ignore[assignment]
    for name in ("bob", "carol", "dave"):
        home.policy["people"][name] = {"role": "person", "keys": [home.keys[name].credential.to_doc()]}
    home.policy["groups"]["treasury"].append("dave")
    home.policy["rules"][2]["allow"] |= {"initiator_may_approve": True, **terms}
    home.ready().state_prices()
    name = home.propose(by="alice", amount=str(5 * WEI))
    answer = verdict(home.state, home.state.transfers[name], Moment.at(home.time))
    assert isinstance(answer, Allowed)
    return home, name, answer.obligations.digest


def refused(home: Workspace, name: TransferId, person: str, owed: str) -> str:
    with pytest.raises(StrongroomError) as caught:
        home.approve(name, person, owed)
    return caught.value.code


def test_everybody_approves_where_the_rule_asks_for_no_surface() -> None:
    home, name, owed = house()
    for person in ("dave", "carol"):
        home.approve(name, person, owed)
    home.authorize(name)


def test_attack_6_the_surface_is_the_key_s_whatever_the_entry_says() -> None:
    home, name, owed = house(surface="approver")
    for person in ("alice", "dave"):
        assert refused(home, name, person, owed) == "approval.surface_is_the_credentials"
        body = {"transfer": name, "surface": "approver"}
        claims = home.statement(person, "transfer.approve", body, obligations=owed)
        with pytest.raises(StrongroomError) as caught:
            home.add("transfer.approved", body, [claims])
        assert caught.value.code == "approval.surface_is_the_credentials"
    for person in ("bob", "carol"):
        home.approve(name, person, owed)
    home.authorize(name)


def test_attack_9_a_synced_passkey_is_not_device_bound() -> None:
    home, name, owed = house(device_bound=True)
    assert refused(home, name, "carol", owed) == "credential.backup_eligible"
    assert refused(home, name, "alice", owed) == "credential.not_device_bound"
    for person in ("bob", "dave"):
        home.approve(name, person, owed)
    home.authorize(name)


def test_an_approval_counts_by_the_credential_that_the_newest_policy_gives_the_key() -> None:
    home, name, owed = house(surface="approver")
    for person in ("bob", "carol"):
        home.approve(name, person, owed)
    document = {**home.policy, "version": 2}
    document["people"]["bob"]["keys"] = [{**home.keys["bob"].credential.to_doc(), "surface": "console"}]
    moved = Credential.from_doc(document["people"]["bob"]["keys"][0])
    assert moved.key_id == home.keys["bob"].key_id
    subject = {"policy": load_policy(document).digest, "version": 2}
    home.keys["bob"].credential = moved  # type: ignore[misc]
    evidence = [home.statement(person, "policy.propose", subject) for person in ("alice", "carol")]
    home.add("policy.proposed", {"policy": document}, evidence)
    home.add("policy.adopted", {"version": 2}, later=3_600_000)
    found = standing(home.state, home.state.transfers[name], Moment.at(home.time - 1))
    assert isinstance(found, Awaiting) and found.approvals[0][0].threshold == 1
