"""Versions of the policy: the root rule, the cool-down, tightening at once, and no way back."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import reduce
from typing import Any

import pytest

from strongroom.custody.digest import state_digest
from strongroom.custody.fold import apply
from strongroom.custody.permission import may_sign
from strongroom.custody.state import EMPTY
from strongroom.errors import Refused, StrongroomError
from strongroom.log.entry import parse_entry
from strongroom.policy.loader import load_policy
from tests.workspace import CHAIN, NODES, PEOPLE, START, WEI, Workspace, seeded


@pytest.fixture
def home() -> Workspace:
    return Workspace().ready()


def next_policy(home: Workspace, **changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(dict(home.state.policy.document)) if home.state.policy else {}
    return {**document, "version": document["version"] + 1, **changes}


def propose(home: Workspace, document: dict[str, Any], *people: str) -> None:
    subject = {"policy": load_policy(document).digest, "version": document["version"]}
    evidence = [home.statement(person, "policy.propose", subject) for person in people]
    home.add("policy.proposed", {"policy": document}, evidence)


def version(home: Workspace) -> int:
    assert home.state.policy is not None
    return home.state.policy.version


def test_i19_a_loosening_waits_out_the_cool_down_in_log_time(home: Workspace) -> None:
    rules = copy.deepcopy(home.policy["rules"])
    rules[0]["when"]["amount"]["max"] = str(2 * WEI)
    propose(home, next_policy(home, rules=rules), "alice", "bob")
    with pytest.raises(Refused, match=r"policy\.cool_down"):
        home.add("policy.adopted", {"version": 2})
    assert version(home) == 1
    home.time += 3_600_000
    home.add("policy.adopted", {"version": 2})
    assert version(home) == 2
    home.propose(amount=str(2 * WEI))
    with pytest.raises(Refused, match=r"policy\.no_proposal"):
        home.add("policy.adopted", {"version": 2})


def test_i19_a_tightening_is_in_force_at_once(home: Workspace) -> None:
    limits = copy.deepcopy(home.policy["limits"])
    limits[0]["max"] = str(WEI)
    propose(home, next_policy(home, limits=limits), "alice", "bob")
    assert version(home) == 2
    first = home.propose()
    home.authorize(first)
    second = home.propose()
    with pytest.raises(Refused, match=r"limit\.exceeded"):
        home.authorize(second)


def test_i19_a_new_version_needs_the_thresholds_of_both(home: Workspace) -> None:
    raised = next_policy(home, administrators={"members": ["alice", "bob", "carol"], "threshold": 3})
    with pytest.raises(Refused, match=r"authority\.threshold"):
        propose(home, raised, "alice", "bob")
    propose(home, raised, "alice", "bob", "carol")
    captured = next_policy(home, administrators={"members": ["carol"], "threshold": 1})
    with pytest.raises(Refused, match=r"authority\.threshold"):
        propose(home, captured, "carol")


def test_an_old_version_offered_again_is_refused(home: Workspace) -> None:
    with pytest.raises(Refused, match=r"policy\.version"):
        propose(home, {**next_policy(home), "version": 1}, "alice", "bob")
    with pytest.raises(Refused, match=r"policy\.version"):
        propose(home, {**next_policy(home), "version": 3}, "alice", "bob")


def test_i20_a_policy_alone_changes_no_witness(home: Workspace) -> None:
    document = next_policy(home)
    del document["witnesses"]["nodes"]["guardian-1"]
    document["witnesses"]["nodes"]["guardian-2"] = {
        "duty": "guardian",
        "key": home.keys["alice"].credential.to_doc(),
        "placement": {"provider": "p", "region": "r", "jurisdiction": "j", "site": "s"},
    }
    document["people"]["alice"]["keys"] = [home.keys["guardian-1"].credential.to_doc()]
    with pytest.raises(Refused, match=r"witnesses\.joint_quorum_missing"):
        propose(home, document, "bob", "carol")


def test_another_log_key_is_the_administrators_choice_and_in_force_at_once(home: Workspace) -> None:
    key = seeded("another coordinator").credential
    document = {**next_policy(home), "coordinator": key.to_doc()}
    with pytest.raises(Refused, match=r"authority\.threshold"):
        propose(home, document, "alice")
    propose(home, document, "alice", "bob")
    policy = home.state.policy
    assert policy is not None and (policy.version, policy.coordinator) == (2, key)


def test_a_withdrawn_proposal_does_not_come_back(home: Workspace) -> None:
    document = next_policy(home, cool_down=7200)
    subject = {"policy": load_policy(document).digest, "version": 2}
    evidence = [home.statement(person, "policy.propose", subject) for person in ("alice", "bob")]
    home.add("policy.proposed", {"policy": document}, evidence)
    with pytest.raises(Refused, match=r"authority\.threshold"):
        home.stopped("policy.withdrawn", "policy.withdraw", {"version": 2}, ["carol"])
    home.stopped("policy.withdrawn", "policy.withdraw", {"version": 2}, ["bob", "carol"])
    home.time += 3_600_000
    with pytest.raises(Refused, match=r"policy\.no_proposal"):
        home.add("policy.adopted", {"version": 2})
    with pytest.raises(Refused, match=r"statement\.already_counted"):
        home.add("policy.proposed", {"policy": document}, evidence)


def test_windows_are_summed_anew_under_a_new_policy(home: Workspace) -> None:
    for _ in range(3):
        home.authorize(home.propose(amount=str(WEI)))
    limits = [*home.policy["limits"]]
    limits.append({"name": "hour", "asset": limits[0]["asset"], "seconds": 3600, "per": "asset", "max": str(3 * WEI)})
    propose(home, next_policy(home, limits=limits), "alice", "bob")
    assert version(home) == 2
    last = home.propose(amount="1")
    with pytest.raises(Refused, match=r"limit\.exceeded"):
        home.authorize(last)
    home.time += 3_700_000
    home.authorize(home.propose(amount=str(WEI)))


def test_an_expired_policy_allows_nothing() -> None:
    home = Workspace()
    home.policy["expires"] = home.time + 1000
    home.ready()
    name = home.propose(until=home.time + 60_000)
    home.time += 1000
    with pytest.raises(Refused, match=r"policy\.expired"):
        home.authorize(name)


def test_i16_the_same_bytes_give_the_same_state_digest_anywhere(home: Workspace) -> None:
    name = home.propose()
    home.authorize(name)
    replayed = reduce(apply, (parse_entry(entry.raw) for entry in home.entries), EMPTY)
    assert state_digest(replayed) == state_digest(home.state)
    assert replayed.root == home.state.root
    shorter = reduce(apply, (parse_entry(entry.raw) for entry in home.entries[:-1]), EMPTY)
    assert state_digest(shorter) != state_digest(home.state)


def test_a_tightened_limit_stops_what_was_authorized_and_is_not_signed_yet_in_order(home: Workspace) -> None:
    names = [home.propose(amount=str(WEI)) for _ in range(3)]
    for name in names:
        home.authorize(name)
    limits = copy.deepcopy(home.policy["limits"])
    limits[0]["max"] = str(2 * WEI + WEI // 2)
    propose(home, next_policy(home, limits=limits), "alice", "bob")
    digests = [home.state.transfers[name].payloads[0].digest for name in names]
    for name, digest in zip(names[:2], digests, strict=False):
        assert may_sign(home.state, name, digest, home.time)
    with pytest.raises(Refused, match=r"limit\.exceeded"):
        may_sign(home.state, names[2], digests[2], home.time)
    null = home.payload(names[2], to=home.state.wallets["hot-eth"].address, value=0)
    home.add("transfer.replaced", {"transfer": names[2], "payload": null.hex()})
    assert may_sign(home.state, names[2], home.state.transfers[names[2]].payloads[-1].digest, home.time)


@pytest.mark.parametrize("part", ["chains", "tiers"])
def test_a_policy_goes_on_naming_what_its_wallets_need(home: Workspace, part: str) -> None:
    other = {
        "chains": {"eip155:1": {**home.policy["chains"][CHAIN], "native": "eip155:1/slip44:60"}},
        "tiers": {"warm": home.policy["tiers"]["hot"]},
    }
    document = next_policy(home, **{part: other[part]})
    document["rules"] = document["rules"][1:]
    document["assets"]["eip155:1/slip44:60"] = {"symbol": "ETH", "decimals": 18}
    with pytest.raises(Refused, match=r"policy\.in_use"):
        propose(home, document, "alice", "bob")


def test_a_policy_in_waiting_is_judged_again_when_it_is_adopted() -> None:
    home = Workspace().create()
    home.boot("signer-1")
    document = next_policy(home, tiers={"warm": home.policy["tiers"]["hot"]})
    document["rules"] = document["rules"][1:]
    propose(home, document, "alice", "bob")
    home.generate()
    home.time += 3_600_000
    with pytest.raises(Refused, match=r"policy\.in_use"):
        home.add("policy.adopted", {"version": 2})


def test_spare_statements_do_not_bring_a_withdrawn_proposal_back(home: Workspace) -> None:
    home.policy = next_policy(home, administrators={"members": ["alice", "bob", "carol"], "threshold": 1})
    propose(home, home.policy, "alice", "bob")
    home.time += 3_600_000
    home.add("policy.adopted", {"version": 2})
    document = next_policy(home, cool_down=7200)
    subject = {"policy": load_policy(document).digest, "version": 3}
    first, spare = (home.statement(person, "policy.propose", subject) for person in ("alice", "bob"))
    home.add("policy.proposed", {"policy": document}, [first])
    home.stopped("policy.withdrawn", "policy.withdraw", {"version": 3}, ["alice", "bob", "carol"])
    with pytest.raises(Refused, match=r"statement\.before_stop"):
        home.add("policy.proposed", {"policy": document}, [spare])
    propose(home, document, "carol")


def creation(statements: dict[str, dict[str, Any]], policy: dict[str, Any] | None = None, stranger: str = "") -> str:
    """The code with which a creation is refused in which some say something else, or one signs with another key."""
    home = Workspace(policy=policy)
    if stranger:
        home.keys[stranger] = seeded("a stranger")
    subject = {"policy": load_policy(home.policy).digest, "salt": "00"}
    names = [*PEOPLE, *NODES]
    evidence = []
    for name in names:
        said = {"kind": "workspace.create", "subject": subject, **statements.get(name, {})}
        evidence.append(home.statement(name, said.pop("kind"), said.pop("subject"), **said))
    with pytest.raises(StrongroomError) as caught:
        home.add("workspace.created", {"policy": home.policy, "salt": "00"}, evidence)
    return caught.value.code


def test_everybody_signs_the_creation_of_this_very_workspace() -> None:
    assert creation({"alice": {"kind": "policy.propose"}}) == "statement.wrong_kind"
    assert creation({"alice": {"workspace": "ab" * 32}}) == "statement.wrong_kind"
    assert creation({"alice": {"subject": {"policy": "00" * 32, "salt": "00"}}}) == "statement.other_subject"
    assert creation({}, stranger="alice") == "statement.unknown_key"


def test_a_false_signature_creates_nothing() -> None:
    home = Workspace()
    subject = {"policy": load_policy(home.policy).digest, "salt": "00"}
    evidence = [home.statement(name, "workspace.create", subject) for name in (*PEOPLE, *NODES)]
    (key, _), (_, another) = evidence[0].signatures[0], evidence[1].signatures[0]
    evidence[0] = replace(evidence[0], signatures=((key, another),))
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        home.add("workspace.created", {"policy": home.policy, "salt": "00"}, evidence)


def test_the_first_policy_has_version_1_and_has_not_expired() -> None:
    assert creation({}, {**Workspace().policy, "version": 2}) == "policy.version"
    assert creation({}, {**Workspace().policy, "expires": START}) == "policy.version"


def test_a_policy_nobody_proposes_is_refused(home: Workspace) -> None:
    with pytest.raises(Refused, match=r"evidence\.count"):
        home.add("policy.proposed", {"policy": {**home.policy, "version": 2}})
