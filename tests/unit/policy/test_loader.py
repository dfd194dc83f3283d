"""The loader refuses what is malformed, cannot be met, or can never match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from strongroom.errors import InvalidInput
from strongroom.policy.loader import load_policy
from tests.workspace import CHAIN, ETH, TOKEN, Workspace, seeded

Document = dict[str, Any]
LAPSES = "policy.deny_lapses"
SPARE = seeded("spare").credential.to_doc()


def rule(document: Document, index: int = 0) -> Document:
    found: Document = document["rules"][index]
    return found


def put(path: str, value: Any) -> Callable[[Document], None]:
    """An edit that sets the value at a dotted path."""

    def edit(document: Document) -> None:
        *parents, last = path.split(".")
        target: Any = document
        for name in parents:
            target = target[int(name)] if isinstance(target, list) else target[name]
        target[int(last) if isinstance(target, list) else last] = value

    return edit


EDITS: list[tuple[Callable[[Document], None], str]] = [
    (put("format", "other"), "policy.format"),
    (put("fold", 3), "policy.format"),
    (put("fold", 0), "policy.format"),
    (put("surprise", 1), "document.unknown_field"),
    (lambda d: d.pop("limits"), "document.missing_field"),
    (put("version", True), "document.type"),
    (put("administrators.threshold", 4), "policy.quorum_unmet"),
    (put("administrators.threshold", 0), "policy.range"),
    (put("administrators.members", ["alice", "alice"]), "policy.list"),
    (put("administrators.members", ["alice", "exchange"]), "policy.service_administers"),
    (put("administrators.members", ["alice", "mallory"]), "policy.person_unknown"),
    (put("groups.treasury", ["mallory"]), "policy.person_unknown"),
    (put("freezers", "nobody"), "policy.group_unknown"),
    (put("people.alice.keys", []), "policy.member"),
    (put("people.alice.role", "robot"), "policy.member"),
    (put("witnesses.faults", 2), "policy.witnesses"),
    (put("witnesses.faults", 0), "policy.witnesses"),
    (put("witnesses.nodes.signer-1.duty", "owner"), "policy.duty"),
    (lambda d: d["witnesses"]["nodes"]["signer-1"].update(key=d["people"]["bob"]["keys"][0]), "policy.key_twice"),
    (lambda d: d["people"].update({"signer-1": d["people"].pop("alice")}), "policy.person_unknown"),
    (put("rules.0.when.initiator.members", ["mallory"]), "policy.person_unknown"),
    (put("rules.0.when.initiator", {"groups": ["nobody"]}), "policy.group_unknown"),
    (lambda d: d["people"].update(coordinator=dict(d["people"]["exchange"], keys=[SPARE])), "policy.name_twice"),
    (
        lambda d: d["witnesses"]["nodes"].update(coordinator=d["witnesses"]["nodes"].pop("guardian-1")),
        "policy.name_twice",
    ),
    (put("cool_down", 367 * 86400), "policy.range"),
    (lambda d: d["rules"].append({"name": "x", "when": {"destination": {"listed": ["vendors"]}}, "deny": "x"}), LAPSES),
    (lambda d: d["rules"].append({"name": "x", "when": {"destination": {"own_wallets": True}}, "deny": "x"}), LAPSES),
    (lambda d: d["rules"].insert(0, {"name": "x", "when": rule(d)["when"], "deny": "x"}), LAPSES),
    (put("rules.0.when.source.tiers", ["lukewarm"]), "policy.tier_unknown"),
    (put("rules.0.when.asset", [f"{CHAIN}/erc20:0x{'99' * 20}"]), "policy.asset_unknown"),
    (put("rules.0.when.asset", [ETH, TOKEN]), "policy.amount_asset"),
    (put("rules.0.when.amount", {"min": "5", "max": "4"}), "policy.rule_unreachable"),
    (put("rules.0.when.amount", {"max": 5}), "document.type"),
    (put("rules.0.when", {}), "policy.rule_unreachable"),
    (lambda d: rule(d).update(deny="no"), "policy.rule"),
    (lambda d: rule(d).pop("allow"), "policy.rule"),
    (put("rules.2.allow.approvals", [[{"group": "treasury", "threshold": 5}]]), "policy.quorum_unmet"),
    (put("rules.2.allow.approvals", [[]]), "policy.approvals"),
    (put("rules.3.when.destination.listed", ["friends"]), "policy.list_unknown"),
    (put("rules.0.allow.delay", -1), "policy.range"),
    (put("rules.0.when.over_time.0.seconds", 0), "policy.window"),
    (put("rules.0.when.over_time.0.per", "planet"), "policy.window"),
    (put("limits.0.asset", f"{CHAIN}/erc20:0x{'99' * 20}"), "policy.asset_unknown"),
    (put("limits.0.seconds", 10**9), "policy.window"),
    (put("limits.0.max", "1e18"), "amount.syntax"),
    (put("address_groups.vendors.threshold", 4), "policy.quorum_unmet"),
    (put(f"chains.{CHAIN}.native", "eip155:1/slip44:60"), "policy.asset_chain"),
    (put("label", "a\u202eb"), "label.control"),
]


@pytest.mark.parametrize(("edit", "code"), EDITS, ids=[f"{i}-{code}" for i, (_, code) in enumerate(EDITS)])
def test_a_bad_policy_is_refused_with_its_code(edit: Callable[[Document], None], code: str) -> None:
    document = Workspace().policy_document()
    load_policy(document)
    edit(document)
    with pytest.raises(InvalidInput) as caught:
        load_policy(document)
    assert caught.value.code == code


CALL: Document = {"contracts": [f"{CHAIN}:0x{'99' * 20}"], "method": "close(address)", "arguments": []}
OWN: Document = {**CALL, "arguments": [{"index": 0, "own_wallet": True}]}
VALUES: Document = {"name": "x", "seconds": 60, "per": "source", "max_value": "1"}

WIDER: list[tuple[Callable[[Document], None], str]] = [
    (put("rules.0.when.destination", {"tags": ["eu"]}), "policy.tags"),
    (put("rules.0.when.destination", {"listed_for": 1}), "policy.tags"),
    (put("rules.0.when.destination", {"listed": ["vendors"], "listed_for": -1}), "policy.range"),
    (put("rules.0.when.destination", {"listed": ["vendors"], "tags": ["E U"]}), "slug.syntax"),
    (put("rules.0.when.source.accounts", ["here"]), "account.syntax"),
    (put("rules.0.when.operation", ["pay"]), "document.type"),
    (put("rules.0.when.operation", [{}]), "policy.operation"),
    (put("rules.0.when.operation", [{"call": CALL, "message": "mail"}]), "policy.operation"),
    (put("rules.0.when.operation", [{"message": "mail"}]), "policy.message_unknown"),
    (put("rules.0.when.value", {"min": "2", "max": "1"}), "policy.rule_unreachable"),
    (put("rules.0.when.over_time.0", {"seconds": 60, "per": "source", "max": "1", "max_value": "1"}), "document."),
    (put("rules.0.when.over_time.0.per", "out of tier"), "policy.window"),
    (put("rules.0.allow.surface", "paper"), "policy.surface"),
    (put("rules.0.allow.keys", []), "policy.rule_unreachable"),
    (put("rules.0.allow.keys", ["a", "a"]), "policy.list"),
    (put("rules.0.allow.screening", {"services": [], "max_age": 1}), "policy.quorum_unmet"),
    (put("rules.0.allow.screening", {"services": ["alice"], "max_age": 1}), "policy.service_unknown"),
    (put("rules.0.allow.screening", {"services": ["screener"], "max_age": 0}), "policy.range"),
    (put("tiers.hot.ceiling", {"seconds": 60, "out": "1"}), "document.missing_field"),
    (put("tiers.hot.ceiling", {"seconds": 0, "out": "1", "in": None}), "policy.window"),
    (put("valuation.threshold", 4), "policy.quorum_unmet"),
    (put("valuation.group", "nobody"), "policy.quorum_unmet"),
    (put("valuation.max_age", 0), "policy.range"),
    (lambda d: d.pop("valuation"), "policy.valuation_missing"),
    (lambda d: rule(d)["when"].update(value={"max": "1"}) or _unvalued(d), "policy.valuation_missing"),
    (lambda d: d["limits"].append(VALUES) or _unvalued(d), "policy.valuation_missing"),
    (lambda d: d["rules"].append({"name": "x", "when": {"operation": [{"call": OWN}]}, "deny": "x"}), LAPSES),
    (put("fold", 1), "document.unknown_field"),
]


def _unvalued(document: Document) -> None:
    del document["valuation"], document["tiers"]["hot"]["ceiling"]


@pytest.mark.parametrize(("edit", "code"), WIDER, ids=[f"{i}-{code}" for i, (_, code) in enumerate(WIDER)])
def test_a_bad_policy_of_fold_rules_2_is_refused_with_its_code(edit: Callable[[Document], None], code: str) -> None:
    document = Workspace().second_fold()
    load_policy(document)
    edit(document)
    with pytest.raises(InvalidInput) as caught:
        load_policy(document)
    assert caught.value.code.startswith(code)


@pytest.mark.parametrize(
    "edit",
    [
        put("valuation", {}),
        put("messages", {}),
        put("tiers.hot.requests", False),
        put("tiers.hot.ceiling", {}),
        put("rules.0.when.operation", ["transfer"]),
        put("rules.0.when.value", {}),
        put("rules.0.when.source.accounts", []),
        put("rules.0.when.destination", {"one_time": True}),
        put("rules.0.when.over_time.0", {"seconds": 60, "per": "source", "max_value": "1"}),
        put("rules.0.allow.surface", "console"),
        put("rules.0.allow.keys", None),
        lambda d: d["limits"].append(VALUES),
    ],
)
def test_i24_what_came_later_stands_in_no_policy_of_fold_rules_1(edit: Callable[[Document], None]) -> None:
    document = Workspace().policy_document()
    edit(document)
    with pytest.raises(InvalidInput) as caught:
        load_policy(document)
    assert caught.value.code in ("document.unknown_field", "document.missing_field")


def test_the_quorum_of_four_witnesses_with_one_bad_is_three() -> None:
    policy = load_policy(Workspace().policy_document())
    assert (len(policy.nodes), policy.faults, policy.witness_quorum) == (4, 1, 3)
