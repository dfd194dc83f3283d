"""First match wins, default deny, exact integers; approvals are a matching of people to places."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.names import AccountId, AssetId
from strongroom.policy.evaluate import Allowed, Denied, Request, evaluate, exceeded
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Allowance, ApprovalNeed
from strongroom.policy.obligations import Obligations, missing
from tests.workspace import ETH, PAYEE, TOKEN, WEI, Workspace

POLICY = load_policy(Workspace().policy_document())


def request(**changes: object) -> Request:
    facts: dict[str, object] = {
        "initiator": "exchange",
        "wallet": "hot-eth",
        "tier": "hot",
        "destination": AccountId(PAYEE),
        "listed": {},
        "own_wallet": False,
        "asset": AssetId(ETH),
        "amount": WEI,
        "native": AssetId(ETH),
        "fee": 0,
    }
    return Request(**{**facts, **changes})  # type: ignore[arg-type]


def test_the_first_rule_that_matches_speaks() -> None:
    small = evaluate(POLICY, request(), lambda window: 0)
    assert isinstance(small, Allowed)
    assert small.obligations.rule == "small ETH"
    larger = evaluate(POLICY, request(initiator="alice", amount=WEI + 1), lambda window: 0)
    assert isinstance(larger, Allowed)
    assert larger.obligations.rule == "larger ETH"


@pytest.mark.parametrize(
    "changes",
    [{"amount": WEI + 1}, {"tier": "warm"}, {"initiator": "nobody"}, {"asset": AssetId(TOKEN), "amount": 10**9 + 1}],
)
def test_what_no_rule_allows_is_denied(changes: dict[str, object]) -> None:
    answer = evaluate(POLICY, request(**changes), lambda window: 0)
    assert isinstance(answer, Denied)
    assert answer.code == "policy.no_rule"


def test_amounts_are_exact_beyond_two_to_the_64() -> None:
    """20 ETH and one wei is above 20 ETH (floats and 64-bit engines say otherwise)."""
    used = lambda window: 19 * WEI  # noqa: E731
    assert isinstance(evaluate(POLICY, request(), used), Allowed)
    assert isinstance(evaluate(POLICY, request(fee=1), used), Denied)


def test_limits_count_the_fee_when_it_is_paid_in_the_asset() -> None:
    assert exceeded(POLICY, request(), lambda window: 49 * WEI) is None
    over = exceeded(POLICY, request(fee=1), lambda window: 0 if window.shape.fees_only else 49 * WEI)
    assert over is not None
    assert over.code == "limit.exceeded"
    assert exceeded(POLICY, request(asset=AssetId(TOKEN), amount=10**40), lambda window: 0) is None


def obligations(*alternatives: tuple[ApprovalNeed, ...]) -> Obligations:
    return Obligations("r", Allowance(alternatives, False, 0, 1, 0))


def brute(needs: tuple[ApprovalNeed, ...], approvers: set[str], groups: dict[str, frozenset[str]]) -> bool:
    """Whether some assignment of distinct people fills every place: by trying them all."""
    choices = [[set(c) for c in combinations(sorted(approvers & groups[need.group]), need.threshold)] for need in needs]
    return any(sum(map(len, pick)) == len(set().union(*pick)) for pick in product(*choices))


PERSON = st.sampled_from("abcdef")


@given(
    st.lists(st.tuples(st.sampled_from(["g", "h", "k"]), st.integers(1, 3)), min_size=1, max_size=3),
    st.sets(PERSON),
    st.fixed_dictionaries({name: st.frozensets(PERSON) for name in ("g", "h", "k")}),
)
def test_i3_a_person_fills_one_place_only(
    spec: list[tuple[str, int]], approvers: set[str], groups: dict[str, frozenset[str]]
) -> None:
    needs = tuple(ApprovalNeed(group, threshold) for group, threshold in spec)
    met = missing(obligations(needs), approvers, groups) == ()
    assert met == brute(needs, approvers, groups)


def test_alternatives_are_an_or_and_nothing_asked_is_met() -> None:
    groups = {"g": frozenset("ab"), "h": frozenset("c")}
    either = obligations((ApprovalNeed("g", 2),), (ApprovalNeed("h", 1),))
    assert missing(either, {"c"}, groups) == ()
    assert missing(either, {"a"}, groups) == ((ApprovalNeed("g", 1),), (ApprovalNeed("h", 1),))
    assert missing(obligations(), set(), groups) == ()
