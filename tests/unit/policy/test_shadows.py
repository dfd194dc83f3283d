"""Rules that never decide: taken out of the table, no request is decided otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.documents.abi import parse_method
from strongroom.documents.names import AccountId, AssetId
from strongroom.policy.calls import CallShape, Constraint, ContractCall
from strongroom.policy.evaluate import Listing, Request, Window, evaluate
from strongroom.policy.loader import load_policy
from strongroom.policy.model import TRANSFER, Allowance, Condition, MessageShape, OverTime, Per, Policy, Rule
from strongroom.policy.shadows import hidden_by, impossible
from tests.workspace import ETH, OTHER, PAYEE, TOKEN, Workspace

POLICY = load_policy(Workspace().policy_document())
TERMS = Allowance((), False, 0, 60, 1)
APPROVE = parse_method("approve(address,uint256)")
ACCOUNTS = (AccountId(PAYEE), AccountId(OTHER))
ASSETS = (AssetId(ETH), AssetId(TOKEN))
NUMBERS = (0, 1, 5, 9)


def shape(contracts: frozenset[AccountId], most: int | None) -> CallShape:
    return CallShape(contracts, APPROVE, ((1, Constraint(most=most)),) if most is not None else ())


def some(*items: Any) -> st.SearchStrategy[Any]:
    """None more often than not; else a set of some of the items."""
    return st.none() | st.none() | st.frozensets(st.sampled_from(items), max_size=2)


bounds = st.none() | st.none() | st.sampled_from(NUMBERS)
shapes = st.builds(shape, st.frozensets(st.sampled_from(ACCOUNTS), min_size=1), st.none() | st.sampled_from(NUMBERS))
operations = st.lists(st.one_of(st.just(TRANSFER), st.just(MessageShape("order")), shapes), max_size=2).map(tuple)
scopes = st.sampled_from((Per.SOURCE, Per.ASSET))
sums = st.builds(OverTime, st.sampled_from((60, 90)), scopes, st.sampled_from(NUMBERS), st.booleans())
conditions = st.builds(
    Condition,
    initiators=some("alice", "exchange"),
    initiator_groups=some("treasury"),
    wallets=some("w1", "w2"),
    tiers=some("hot"),
    sources=some(*ACCOUNTS),
    accounts=some(*ACCOUNTS),
    listed=some("vendors", "payees"),
    tags=some("x", "y"),
    listed_for=st.sampled_from((0, 10, 20)),
    own_wallets=st.booleans(),
    one_time=st.booleans(),
    assets=some(*ASSETS),
    operations=st.none() | st.none() | operations,
    amount_min=bounds,
    amount_max=bounds,
    value_min=bounds,
    value_max=bounds,
    over_time=st.lists(sums, max_size=1).map(tuple),
)
calls = st.builds(
    lambda contract, amount: ContractCall(contract, APPROVE.selector + bytes(31) + b"\1" + amount.to_bytes(32, "big")),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(NUMBERS),
)
requests = st.builds(
    Request,
    initiator=st.sampled_from(("alice", "bob", "exchange")),
    wallet=st.sampled_from(("w1", "w2")),
    tier=st.sampled_from(("hot", "warm")),
    account=st.sampled_from(ACCOUNTS),
    destination=st.sampled_from(ACCOUNTS),
    listed=st.dictionaries(
        st.sampled_from(("vendors", "payees")),
        st.builds(Listing, st.frozensets(st.sampled_from("xy")), st.sampled_from((0, 10_000, 20_000))),
    ),
    own_wallet=st.booleans(),
    own_tier=st.sampled_from(("", "hot")),
    asset=st.sampled_from(ASSETS),
    amount=st.integers(0, 10),
    native=st.just(ASSETS[0]),
    fee=st.sampled_from((0, 1)),
    value=st.none() | st.sampled_from(NUMBERS),
    fee_value=st.none() | st.sampled_from((0, 1)),
    stale=st.booleans(),
    call=st.none() | calls,
    message=st.none() | st.none() | st.just("order"),
)


def possible(request: Request) -> bool:
    """A request as facts can be: a payment moves something, a message nothing."""
    if request.message is not None:
        return request.call is None and request.amount == 0
    return request.call is not None or request.amount > 0


@st.composite
def tables(draw: st.DrawFn) -> Policy:
    """A policy of a few rules over few names, so that some of them hide others."""
    drawn = draw(st.lists(st.tuples(conditions, st.booleans()), min_size=1, max_size=4))
    rules = (Rule(f"{index}", when, TERMS if allows else None) for index, (when, allows) in enumerate(drawn))
    return replace(POLICY, rules=tuple(rules))


@settings(max_examples=150)
@given(tables(), st.lists(requests.filter(possible), min_size=5, max_size=20), st.integers(0, 9))
def test_what_never_decides_can_be_left_out(policy: Policy, asked: list[Request], spent: int) -> None:
    """What can never match may still deny for want of a price that it looks up."""
    priced = [request for request in asked if request.value is not None is not request.fee_value and not request.stale]
    for index, rule in enumerate(policy.rules):
        without = replace(policy, rules=(*policy.rules[:index], *policy.rules[index + 1 :]))
        for request in asked if hidden_by(policy, index) else priced if impossible(policy, rule) else ():
            assert decided(policy, request, spent) == decided(without, request, spent)


def decided(policy: Policy, request: Request, spent: int) -> object:
    def used(window: Window) -> int:
        return (spent * (len(window.subject) + window.shape.seconds)) % 10

    return evaluate(policy, request, used)


WIDE = Condition(initiator_groups=frozenset({"treasury"}))
OVER = OverTime(60, Per.SOURCE, 9)
TO_LISTED = Condition(listed=frozenset({"vendors"}))


@pytest.mark.parametrize(
    ("earlier", "later", "hidden"),
    [
        (WIDE, replace(WIDE, amount_max=5), True),
        (WIDE, Condition(initiators=frozenset({"alice"})), True),
        (WIDE, Condition(initiators=frozenset({"exchange"})), False),
        (WIDE, Condition(), False),
        (Condition(assets=frozenset(ASSETS)), Condition(wallets=frozenset({"w"})), True),
        (Condition(assets=frozenset(ASSETS[:1])), Condition(), False),
        (TO_LISTED, replace(TO_LISTED, tags=frozenset({"x"})), True),
        (replace(TO_LISTED, tags=frozenset({"x"})), TO_LISTED, False),
        (TO_LISTED, replace(TO_LISTED, listed_for=9), True),
        (replace(TO_LISTED, listed_for=9), TO_LISTED, False),
        (TO_LISTED, replace(TO_LISTED, own_wallets=True), False),
        (Condition(over_time=(OVER,)), Condition(over_time=(replace(OVER, maximum=5),)), True),
        (Condition(over_time=(OVER,)), Condition(over_time=(replace(OVER, maximum=10),)), False),
        (Condition(over_time=(OVER,)), Condition(), False),
        (Condition(value_max=9), Condition(value_max=5), True),
        (Condition(value_max=9), Condition(value_max=5, over_time=(replace(OVER, values=True),)), False),
        (Condition(), Condition(operations=(MessageShape("order"),)), False),
        (
            Condition(operations=(shape(frozenset(ACCOUNTS), 9),)),
            Condition(operations=(shape(frozenset(ACCOUNTS[:1]), 5),)),
            True,
        ),
        (
            Condition(operations=(shape(frozenset(ACCOUNTS[:1]), 5),)),
            Condition(operations=(shape(frozenset(ACCOUNTS[:1]), None),)),
            False,
        ),
    ],
)
def test_which_rule_hides_which(earlier: Condition, later: Condition, hidden: bool) -> None:
    policy = replace(POLICY, rules=(Rule("a", earlier, TERMS), Rule("b", later, TERMS)))
    assert (hidden_by(policy, 1) is not None) == hidden


def test_a_denial_of_everything_hides_calls_and_messages() -> None:
    later = Rule("b", Condition(operations=(MessageShape("order"),)), TERMS)
    assert hidden_by(replace(POLICY, rules=(Rule("a", Condition(), None, "no"), later)), 1)
