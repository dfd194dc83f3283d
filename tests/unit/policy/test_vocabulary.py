"""What fold rules 2 add: each part of a rule, each limit, and what an approval is then about."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from strongroom.documents.names import AccountId, AssetId
from strongroom.policy.calls import ContractCall
from strongroom.policy.evaluate import Allowed, Denied, Listing, Request, Usage, Window, evaluate, exceeded
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Per, Policy
from tests.workspace import CHAIN, ETH, OTHER, PAYEE, TOKEN, TOKEN_CONTRACT, WEI, Workspace

DAY_MS = 86_400_000
SOURCE = f"{CHAIN}:0x{'11' * 20}"
APPROVE = bytes.fromhex("095ea7b3") + bytes(12) + bytes.fromhex(PAYEE[-40:]) + (7).to_bytes(32, "big")
WIDE = Workspace().second_fold()
FREE = {**WIDE["rules"][0]["allow"]}


def policy(*rules: dict[str, Any], **changes: Any) -> Policy:
    """The workspace's policy of fold rules 2 with these rules: conditions alone allow everything free of charge."""
    table = [
        {"name": f"rule {number}", **({"when": rule, "allow": FREE} if "name" not in rule else rule)}
        for number, rule in enumerate(rules)
    ]
    return load_policy({**copy.deepcopy(WIDE), "rules": table, **changes})


def request(**changes: Any) -> Request:
    facts: dict[str, Any] = {
        "initiator": "exchange", "wallet": "hot-eth", "tier": "hot", "destination": AccountId(PAYEE), "listed": {},
        "own_wallet": False, "asset": AssetId(ETH), "amount": WEI, "native": AssetId(ETH),
        "account": AccountId(SOURCE), "key": "hot-ecdsa", "value": 200_000,
    }  # fmt: skip
    return Request(**{**facts, **changes})


def nothing(_window: Window) -> int:
    return 0


def said(found: object) -> str:
    """The rule that allows, or the code that denies."""
    return found.obligations.rule if isinstance(found, Allowed) else found.code if isinstance(found, Denied) else ""


VENDOR = {"vendors": Listing(frozenset({"eu", "bank"}), DAY_MS)}


@pytest.mark.parametrize(
    ("when", "changes", "holds"),
    [
        ({"source": {"accounts": [SOURCE]}}, {}, True),
        ({"source": {"accounts": [SOURCE], "tiers": ["hot"], "wallets": ["other"]}}, {}, False),
        ({"source": {"accounts": [OTHER]}}, {}, False),
        ({"destination": {"listed": ["vendors"], "tags": ["eu"]}}, {"listed": VENDOR}, True),
        ({"destination": {"listed": ["vendors"], "tags": ["us"]}}, {"listed": VENDOR}, False),
        ({"destination": {"listed": ["vendors"], "tags": []}}, {"listed": VENDOR}, False),
        ({"destination": {"listed": ["vendors"], "listed_for": 86_400}}, {"listed": VENDOR}, True),
        ({"destination": {"listed": ["vendors"], "listed_for": 86_401}}, {"listed": VENDOR}, False),
        ({"destination": {"listed": [], "one_time": True}}, {"listed": VENDOR}, False),
        ({"destination": {"one_time": True}}, {}, True),
        ({"destination": {"one_time": True}}, {"own_tier": "hot"}, False),
        ({"destination": {"one_time": True, "own_wallets": True}}, {"own_tier": "hot", "own_wallet": True}, True),
        ({"destination": {"one_time": False}}, {"listed": VENDOR}, True),
        ({"asset": []}, {}, False),
        ({"value": {"min": "200000", "max": "200000"}}, {}, True),
        ({"value": {"min": "200001"}}, {}, False),
        ({"value": {"max": "199999"}}, {}, False),
    ],
)
def test_each_part_of_a_condition(when: dict[str, Any], changes: dict[str, Any], holds: bool) -> None:
    assert said(evaluate(policy(when), request(**changes), nothing)) == ("rule 0" if holds else "policy.no_rule")


CALL = ContractCall(AccountId(f"{CHAIN}:{TOKEN_CONTRACT}"), APPROVE)
SHAPE = {"call": {"contracts": [CALL.contract], "method": "approve(address,uint256)", "arguments": []}}


@pytest.mark.parametrize(
    ("when", "changes", "holds"),
    [
        ({"operation": ["transfer"]}, {}, True),
        ({"operation": []}, {}, False),
        ({}, {"call": CALL}, False),
        ({}, {"message": "mail"}, False),
        ({"operation": ["transfer"]}, {"call": CALL}, False),
        ({"operation": ["transfer", SHAPE]}, {"call": CALL}, True),
        ({"operation": [SHAPE]}, {}, False),
        ({"operation": [SHAPE]}, {"call": ContractCall(AccountId(OTHER), APPROVE)}, False),
    ],
)
def test_an_operation_is_one_of_those_named(when: dict[str, Any], changes: dict[str, Any], holds: bool) -> None:
    assert said(evaluate(policy(when), request(**changes), nothing)) == ("rule 0" if holds else "policy.no_rule")


def test_a_rule_that_denies_is_about_every_operation() -> None:
    denying = policy({"name": "no", "when": {"initiator": {"members": ["exchange"]}}, "deny": "no"}, {})
    for changes in ({}, {"call": CALL}, {"message": "mail"}):
        assert said(evaluate(denying, request(**changes), nothing)) == "policy.denied"


def test_attack_26_what_has_no_price_or_an_old_one_is_denied_and_no_later_rule_is_asked() -> None:
    found = policy({"value": {"max": "1"}}, {})
    assert said(evaluate(found, request(), nothing)) == "rule 1"
    assert said(evaluate(found, request(value=None), nothing)) == "valuation.missing"
    assert said(evaluate(found, request(stale=True), nothing)) == "valuation.stale"
    assert said(evaluate(found, request(value=None, stale=True), nothing)) == "valuation.missing"
    narrow = policy({"source": {"tiers": []}, "value": {"max": "1"}}, {})
    assert said(evaluate(narrow, request(value=None), nothing)) == "rule 1", "prices are looked at last"


def test_a_sum_of_values_needs_the_price_of_the_fee_too() -> None:
    found = policy({"over_time": [{"seconds": 60, "per": "source", "max_value": "200010"}]})
    assert said(evaluate(found, request(), nothing)) == "rule 0"
    assert said(evaluate(found, request(fee=1, fee_value=10), nothing)) == "rule 0"
    assert said(evaluate(found, request(fee=1, fee_value=11), nothing)) == "policy.no_rule"
    denied = evaluate(found, request(asset=AssetId(TOKEN), fee=1), nothing)
    assert isinstance(denied, Denied) and denied.code == "valuation.missing" and ETH in denied.reason
    both = evaluate(found, request(asset=AssetId(TOKEN), value=None, fee=1), nothing)
    assert isinstance(both, Denied) and TOKEN in both.reason, "the asset's is missed before the native coin's"
    assert said(evaluate(policy({"value": {"max": "200000"}}), request(fee=1), nothing)) == "rule 0"


def test_values_per_asset_count_the_asset_and_the_coin_of_the_fee_each_by_itself() -> None:
    found = policy({"over_time": [{"seconds": 60, "per": "asset", "max_value": "100"}]})
    paid = request(asset=AssetId(TOKEN), value=100, fee=1, fee_value=100)
    assert said(evaluate(found, paid, nothing)) == "rule 0"

    def of(asset: str) -> Usage:
        return lambda window: int(window.subject == asset)

    assert said(evaluate(found, paid, of(ETH))) == "policy.no_rule"
    assert said(evaluate(found, paid, of(TOKEN))) == "policy.no_rule"
    assert said(evaluate(found, request(value=60, fee=1, fee_value=41), nothing)) == "policy.no_rule"


def test_only_the_keys_of_the_rule_sign() -> None:
    rule = {"name": "keys", "when": {}, "allow": {**FREE, "keys": ["hot-ecdsa", "spare"]}}
    assert said(evaluate(policy(rule), request(), nothing)) == "keys"
    assert said(evaluate(policy(rule, {}), request(key="other"), nothing)) == "policy.key_not_allowed"


def test_obligations_say_all_that_fold_rules_2_can_ask_and_those_of_1_what_they_ever_said() -> None:
    asked = {"surface": "approver", "device_bound": True, "keys": ["b", "a"]}
    asked["screening"] = {"services": ["screener"], "max_age": 60}
    found = evaluate(policy({"name": "r", "when": {}, "allow": {**FREE, **asked}}), request(key="a"), nothing)
    assert isinstance(found, Allowed) and found.obligations.to_doc() == {"rule": "r", **FREE, **asked}
    plain = evaluate(policy({}), request(), nothing)
    usual = {"surface": "console", "device_bound": False, "keys": None, "screening": None}
    assert isinstance(plain, Allowed) and plain.obligations.to_doc() == {"rule": "rule 0", **FREE, **usual}
    first = evaluate(load_policy(Workspace().policy_document()), request(), nothing)
    assert isinstance(first, Allowed) and first.obligations.to_doc() == {"rule": "small ETH", **FREE}


def ceilings(out: str | None, into: str | None) -> Policy:
    tier = {**WIDE["tiers"]["hot"], "ceiling": {"seconds": 60, "out": out, "in": None}}
    cold = {**WIDE["tiers"]["hot"], "ceiling": {"seconds": 60, "out": None, "in": into}}
    return policy({}, tiers={"hot": tier, "cold": cold})


def test_a_tier_s_ceilings_bound_what_leaves_it_and_what_comes_from_other_tiers() -> None:
    assert said(exceeded(ceilings("200000", None), request(), nothing)) == ""
    assert said(exceeded(ceilings("199999", None), request(), nothing)) == "ceiling.exceeded"
    assert said(exceeded(ceilings("199999", None), request(tier="cold"), nothing)) == ""
    assert said(exceeded(ceilings("200000", None), request(fee=1, fee_value=1), nothing)) == "ceiling.exceeded"
    assert said(exceeded(ceilings("200000", None), request(value=None), nothing)) == "valuation.missing"
    assert said(exceeded(ceilings("200000", None), request(stale=True), nothing)) == "valuation.stale"
    into = ceilings(None, "199999")
    assert said(exceeded(into, request(own_tier="cold"), nothing)) == "ceiling.exceeded"
    assert said(exceeded(into, request(tier="cold", own_tier="cold"), nothing)) == "", "within the tier"
    assert said(exceeded(into, request(value=None), nothing)) == "", "not asked, so no price is needed"


def test_ceilings_count_for_the_tier_that_they_are_of() -> None:
    seen: list[Window] = []

    def used(window: Window) -> int:
        seen.append(window)
        return 0

    exceeded(ceilings("9999999", "9999999"), request(own_tier="cold"), used)
    counted = {(window.shape.per, window.subject) for window in seen if window.shape.values}
    assert counted == {(Per.OUT_OF_TIER, "hot"), (Per.INTO_TIER, "cold")}


def test_a_limit_to_which_nothing_is_added_is_not_asked() -> None:
    limit = {"name": "values", "seconds": 60, "per": "source", "max_value": "0"}
    found = policy({}, limits=[limit])
    assert said(exceeded(found, request(), nothing)) == "limit.exceeded"
    assert said(exceeded(found, request(amount=0, value=None), nothing)) == ""
    assert said(exceeded(found, request(amount=0, value=None, fee=1), nothing)) == "valuation.missing"


def test_limits_are_asked_before_fee_windows_and_these_before_ceilings() -> None:
    tiers = {"hot": {**WIDE["tiers"]["hot"], "ceiling": {"seconds": 60, "out": "0", "in": None}}}
    chains = {CHAIN: {**WIDE["chains"][CHAIN], "fee_window": {"seconds": 60, "max": "0"}}}
    limit = {"name": "ETH", "asset": ETH, "seconds": 60, "per": "source", "max": "0"}
    paid = request(fee=1, fee_value=1)
    assert said(exceeded(policy({}, tiers=tiers, chains=chains, limits=[limit]), paid, nothing)) == "limit.exceeded"
    assert said(exceeded(policy({}, tiers=tiers, chains=chains, limits=[]), paid, nothing)) == "fee.window_exceeded"
    assert said(exceeded(policy({}, tiers=tiers, limits=[]), paid, nothing)) == "ceiling.exceeded"
