"""A draft over the past: exactly the transfers that it would have decided otherwise, with what was said and is said."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.audit.replay import Change, Replay
from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY
from strongroom.documents.request import proposal_hash
from strongroom.policy.evaluate import Allowed, Denied
from strongroom.policy.loader import load_policy
from tests.tokens import SoftService
from tests.workspace import ETH, OTHER, PAYEE, WEI, Workspace, seeded

Document = dict[str, Any]
READY = Workspace().ready()
HOT = {"source": {"tiers": ["hot"]}}


def replayed(workspace: Workspace, draft: Document) -> tuple[Change, ...]:
    """The changes over all entries of a workspace."""
    replay, state = Replay(load_policy(draft)), EMPTY
    for entry in workspace.entries:
        before, state = state, apply(state, entry)
        replay.take(before, entry, state)
    return replay.changes


def drafted(**changes: Any) -> Document:
    return {**copy.deepcopy(READY.policy), "version": 2, **changes}


def pay(workspace: Workspace, amount: int, **changes: Any) -> str:
    """A payment by the service, authorized."""
    workspace.time += 1000
    transfer = workspace.propose(amount=str(amount), **changes)
    workspace.authorize(transfer)
    return transfer


def told(changes: tuple[Change, ...]) -> dict[str, str]:
    """Each changed transfer with the code of the denial, or the rule that allows it on other terms."""
    return {
        change.transfer.id: change.new.code if isinstance(change.new, Denied) else change.new.obligations.rule
        for change in changes
    }


def test_the_same_rules_change_nothing_whatever_the_version() -> None:
    workspace = READY.clone()
    for amount in (1, WEI, WEI // 2):
        pay(workspace, amount)
    assert replayed(workspace, drafted()) == ()
    assert replayed(workspace, drafted(fold=2, label="other", cool_down=0)) == ()


def test_a_lower_amount_denies_what_is_above_it() -> None:
    workspace, draft = READY.clone(), drafted()
    ids = [pay(workspace, amount) for amount in (WEI // 2, WEI, WEI // 2 + 1)]
    draft["rules"][0]["when"]["amount"]["max"] = str(WEI // 2)
    changes = replayed(workspace, draft)
    assert told(changes) == {ids[1]: "policy.no_rule", ids[2]: "policy.no_rule"}
    assert {change.at for change in changes} == {"proposed"} and isinstance(changes[0].old, Allowed)


def test_other_obligations_are_a_change_and_later_denials_prevail() -> None:
    workspace, draft = READY.clone(), drafted()
    ids = [pay(workspace, WEI), pay(workspace, WEI // 2)]
    draft["rules"].insert(0, copy.deepcopy(draft["rules"][0]))
    draft["rules"][0]["name"] = "first"
    draft["rules"][0]["when"]["over_time"][0]["max"] = str(WEI)
    (change,) = replayed(workspace, draft)
    # One whole ETH fits when it is proposed, but not with its fee: by then it is the old rule that lets it through.
    assert told((change,)) == {ids[0]: "first"} and change.at == "proposed"
    draft["limits"][0]["max"] = str(WEI)
    assert told(replayed(workspace, draft)) == {ids[0]: "limit.exceeded", ids[1]: "first"}


def test_what_was_proposed_and_ended_is_told_too() -> None:
    workspace = READY.clone()
    transfer = workspace.propose("alice", amount=str(5 * WEI))
    workspace.stopped("transfer.rejected", "transfer.reject", {"transfer": transfer}, ["bob"])
    draft = drafted()
    draft["rules"][2]["allow"] |= {"delay": 60, "approvals": [[{"group": "treasury", "threshold": 1}]]}
    (change,) = replayed(workspace, draft)
    assert isinstance(change.new, Allowed) and change.new.obligations.terms.delay == 60


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda d: d["people"].pop("exchange"), "person.unknown"),
        (lambda d: d["rules"][0]["allow"].update(expiry=60), "intent.until_too_far"),
        (lambda d: d["rules"].insert(0, {"name": "n", "when": HOT, "deny": "x"}), "policy.denied"),
        (lambda d: d["chains"].clear(), "policy.in_use"),
        (lambda d: d["rules"][0]["when"].update(destination={"accounts": [OTHER]}), "policy.no_rule"),
    ],
)
def test_why_the_draft_denies(edit: Callable[[Document], Any], code: str) -> None:
    workspace, draft = READY.clone(), drafted()
    transfer = pay(workspace, WEI, to=PAYEE)
    edit(draft)
    for rule in draft["rules"]:
        if "exchange" not in draft["people"] and rule["when"].get("initiator") == {"members": ["exchange"]}:
            rule["when"]["initiator"] = {}
    assert told(replayed(workspace, draft)) == {transfer: code}


def test_a_request_from_a_tier_that_would_take_none_is_denied() -> None:
    workspace, service = Workspace(), SoftService()
    workspace.policy["fold"] = 2
    workspace.policy["tiers"]["hot"]["requests"] = True
    workspace.policy["people"]["exchange"]["keys"].append(service.credential.to_doc())
    workspace.ready()
    request = service.request(json.dumps(workspace.intent()).encode(), workspace.state.workspace, workspace.time)
    transfer = proposal_hash(request)
    workspace.add("transfer.proposed", {"transfer": transfer}, [request])
    draft = {**copy.deepcopy(workspace.policy), "version": 2}
    assert replayed(workspace, draft) == ()
    draft["tiers"]["hot"]["requests"] = False
    assert told(replayed(workspace, draft)) == {transfer: "request.tier"}


def test_another_key_of_the_same_person_is_no_change() -> None:
    workspace, draft = READY.clone(), drafted()
    pay(workspace, WEI)
    draft["people"]["exchange"]["keys"] = [seeded("spare").credential.to_doc()]
    assert replayed(workspace, draft) == ()


def test_a_draft_with_values_denies_what_was_before_any_price() -> None:
    workspace = Workspace()
    workspace.policy = workspace.second_fold()
    del workspace.policy["tiers"]["hot"]["ceiling"]
    workspace.ready()
    before = pay(workspace, WEI)
    workspace.state_prices()
    after, dear = pay(workspace, WEI), pay(workspace, WEI // 2)
    draft = {**copy.deepcopy(workspace.policy), "version": 2}
    draft["rules"][0]["when"] |= {"value": {"max": "200000"}}
    assert told(replayed(workspace, draft)) == {before: "valuation.missing"}
    draft["rules"][0]["when"] |= {"value": {"max": "199999"}}
    assert told(replayed(workspace, draft)) == {before: "valuation.missing", after: "policy.no_rule"}
    assert dear not in told(replayed(workspace, draft))


@settings(max_examples=15)
@given(st.lists(st.integers(1, 10), min_size=1, max_size=8), st.integers(1, 10), st.integers(1, 40), st.integers(1, 40))
def test_exactly_what_a_plain_sum_says(tenths: list[int], most: int, window: int, limit: int) -> None:
    """What is denied consumes nothing; a proposal is asked without its fee, an authorization with it."""
    workspace, tenth, expected, spent = READY.clone(), WEI // 10, {}, 0
    for amount in (each * tenth for each in tenths):
        transfer = pay(workspace, amount)
        fee = workspace.state.transfers[transfer].payloads[0].fee
        if amount > most * tenth or spent + amount > window * tenth:
            expected[transfer] = "policy.no_rule"
        elif amount > limit * tenth:
            expected[transfer] = "limit.exceeded"
        elif spent + amount + fee > window * tenth:
            expected[transfer] = "policy.no_rule"
        elif spent + amount + fee > limit * tenth:
            expected[transfer] = "limit.exceeded"
        else:
            spent += amount + fee
    draft = drafted()
    draft["rules"][0]["when"] |= {
        "amount": {"max": str(most * tenth)},
        "over_time": [{"seconds": 86400, "per": "initiator", "max": str(window * tenth)}],
    }
    draft["limits"] = [{"name": "a day", "asset": ETH, "seconds": 86400, "per": "source", "max": str(limit * tenth)}]
    assert told(replayed(workspace, draft)) == expected
