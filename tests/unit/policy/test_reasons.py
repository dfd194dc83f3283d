"""Why a request is decided as it is: the rule that speaks, and what of those before it does not hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.policy.evaluate import Allowed, Denied, evaluate, exceeded
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy
from strongroom.policy.reasons import explained
from tests.unit.policy.test_evaluate import request
from tests.unit.policy.test_shadows import possible, requests
from tests.workspace import WEI, Workspace

DOCUMENT = Workspace().policy_document()
POLICY = load_policy(DOCUMENT)


def failing(policy: Policy = POLICY, used: int = 0, **facts: Any) -> list[tuple[str, tuple[str, ...]]]:
    found = explained(policy, request(**facts), lambda window: used)
    return [(each.rule, each.failing) for each in found.looked]


def test_the_rules_before_the_one_that_decides_say_why_not() -> None:
    assert failing() == [("small ETH", ())]
    assert failing(initiator="alice", amount=2 * WEI) == [
        ("small ETH", ("by exchange", "at most 1 ETH")),
        ("small LUSD", ("by exchange", "of LUSD")),
        ("larger ETH", ()),
    ]


def test_a_sum_over_time_is_a_reason() -> None:
    told = failing(used=20 * WEI)
    assert told[0] == ("small ETH", ("in 1 day per initiator, this one and its fee included, at most 20 ETH",))
    assert len(told) == 4 and all(reasons for _, reasons in told)


def test_an_operation_that_a_rule_is_not_about_is_a_reason() -> None:
    document = {**DOCUMENT, "fold": 2, "rules": [DOCUMENT["rules"][2], {"name": "no", "when": {}, "deny": "no calls"}]}
    told = failing(load_policy(document), initiator="alice", message="order")
    assert told == [("larger ETH", ("as a transfer",)), ("no", ())]


def test_limits_have_the_last_word() -> None:
    found = explained(POLICY, request(initiator="alice", amount=5 * WEI), lambda window: 46 * WEI)
    assert found.looked[-1].failing == () and isinstance(found.answer, Denied) and found.answer.code == "limit.exceeded"
    unknown = explained(replace(POLICY, assets={}), request(), lambda window: 0)
    assert unknown.looked == () and isinstance(unknown.answer, Denied)


@settings(max_examples=100)
@given(requests.filter(possible), st.integers(0, 9))
def test_it_says_what_is_decided(asked: Any, spent: int) -> None:
    """The last rule looked at is the one that decides; every other one has a reason."""

    def used(window: object) -> int:
        return spent * WEI

    found, answer = explained(POLICY, asked, used), evaluate(POLICY, asked, used)
    if isinstance(answer, Allowed):
        assert found.looked[-1].rule == answer.obligations.rule and found.looked[-1].failing == ()
        assert found.answer == (exceeded(POLICY, asked, used) or answer)
    else:
        assert found.answer == answer and all(each.failing for each in found.looked)
    assert all(each.failing for each in found.looked[:-1])
