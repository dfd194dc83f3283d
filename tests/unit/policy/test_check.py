"""What a check of a draft says: quorums against brute force, and each finding with what brings it about."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.names import AccountId, ChainId
from strongroom.policy.check import Finding, House, Purse, check
from strongroom.policy.loader import load_policy
from tests.passkeys import SoftPasskey
from tests.workspace import CHAIN, ETH, OTHER, PAYEE, START, TOKEN, WEI, Workspace, seeded

Document = dict[str, Any]
PEOPLE = ("alice", "bob", "carol", "dan")
BOUND = {"name": "LUSD a day", "asset": TOKEN, "seconds": 86400, "per": "source", "max": "5000000000"}
SYNCED = SoftPasskey("http://localhost:7800", surface="approver", backup_eligible=True).credential.to_doc()
BOUND_KEY = SoftPasskey("http://localhost:7800", surface="approver").credential.to_doc()


def sound() -> Document:
    """A policy with nothing to find."""
    document = Workspace().policy_document()
    document["fold"] = 2
    document["people"]["dan"] = {"role": "person", "keys": [seeded("dan").credential.to_doc()]}
    document["limits"].append(BOUND)
    return document


def found(document: Document, house: House | None = None, now: int = START) -> list[Finding]:
    return check(load_policy(document), now, house)


def codes(document: Document, house: House | None = None, now: int = START) -> set[str]:
    return {finding.code for finding in found(document, house, now)}


def test_a_sound_policy_has_no_findings() -> None:
    assert found(sound()) == []


def rule(when: Document, **allow: Any) -> Document:
    terms = {"approvals": [], "initiator_may_approve": False, "delay": 0, "expiry": 60, "fee_ceiling": "1"}
    return {"name": "new", "when": when, "allow": {**terms, **allow}}


def first(when: Document, **allow: Any) -> Callable[[Document], None]:
    return lambda document: document["rules"].insert(0, rule(when, **allow))


def last(when: Document, **allow: Any) -> Callable[[Document], None]:
    return lambda document: document["rules"].append(rule(when, **allow))


def put(part: str, **changes: Any) -> Callable[[Document], None]:
    return lambda document: document[part].update(changes)


TWO = [[{"group": "treasury", "threshold": 2}]]
ONE = [[{"group": "treasury", "threshold": 1}]]
BY_ALL = {"initiator": {"groups": ["treasury"]}}

EDITS: list[tuple[Callable[[Document], Any], str]] = [
    (lambda d: d.update(expires=START), "check.expired"),
    (lambda d: d.update(expires=START + 86_400_000), "check.expires_soon"),
    (lambda d: d.update(cool_down=0), "check.no_cool_down"),
    (lambda d: (put("groups", none=[])(d), d.update(freezers="none")), "check.no_freezer"),
    (put("administrators", threshold=1), "check.one_administrator"),
    (put("administrators", threshold=3), "check.every_administrator"),
    (put("address_groups", quick={"group": "treasury", "threshold": 1, "age": 0}), "check.list_at_once"),
    (
        lambda d: d.update(
            valuation={"unit": "USD", "decimals": 2, "group": "treasury", "threshold": 1, "max_age": 60}
        ),
        "check.one_valuer",
    ),
    (first({"asset": [TOKEN], **BY_ALL, "amount": {"min": "7"},
            "over_time": [{"seconds": 9, "per": "source", "max": "6"}]}, approvals=TWO), "check.never_matches"),
    (first({"initiator": {"groups": []}}), "check.never_matches"),
    (first({"source": {"tiers": []}}), "check.never_matches"),
    (first({"destination": {"accounts": []}}), "check.never_matches"),
    (first({"destination": {"listed": ["vendors"], "tags": []}}), "check.never_matches"),
    (first({"operation": []}), "check.never_matches"),
    (first({"asset": [ETH], "amount": {"max": "0"}}), "check.never_matches"),
    (first({"asset": [ETH], "destination": {"accounts": [PAYEE.replace(CHAIN, "eip155:1")]}}), "check.never_matches"),
    (last({"initiator": {"members": ["exchange"]}, "asset": [ETH], "amount": {"max": "5"}, "source": {"tiers": ["hot"]},
           "over_time": [{"seconds": 86400, "per": "initiator", "max": "5"}]}), "check.shadowed"),
    (first(BY_ALL, approvals=[[{"group": "treasury", "threshold": 3}]]), "check.quorum_unmet"),
    (first(BY_ALL, approvals=[[{"group": "treasury", "threshold": 2}, {"group": "treasury", "threshold": 1}]]),
     "check.quorum_unmet"),
    (first(BY_ALL, approvals=TWO, surface="approver"), "check.quorum_unmet"),
    (first({"initiator": {"members": ["alice", "exchange"]}}, approvals=[[{"group": "treasury", "threshold": 3}]]),
     "check.quorum_unmet_for"),
    (first(BY_ALL, approvals=[*TWO, [{"group": "treasury", "threshold": 3}]]), "check.alternative_unmet"),
    (lambda d: d["limits"].pop(), "check.alone_without_limits"),
    (lambda d: (d["limits"].clear(), first(BY_ALL, approvals=ONE, initiator_may_approve=True)(d)),
     "check.alone_without_limits"),
    (lambda d: (d["limits"].clear(), first({"asset": [TOKEN], **BY_ALL}, approvals=ONE)(d)),
     "check.one_approval_without_limits"),
    (lambda d: (d["limits"].pop(), d["rules"].pop(1)), "check.no_limits"),
    (lambda d: d["rules"].clear(), "check.nothing_allowed"),
    (lambda d: d["groups"]["treasury"].append("exchange"), "check.service_approves"),
    (lambda d: (d["people"]["dan"]["keys"].append(SYNCED), d["groups"]["treasury"].append("dan"),
                d["tiers"].update(warm=d["tiers"]["hot"])), "check.synced_passkey"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "code"), EDITS)
def test_what_is_wrong_is_found(edit: Callable[[Document], Any], code: str) -> None:
    document = sound()
    edit(document)
    assert code in codes(document)


def test_a_shadowed_rule_is_told_with_the_one_before_it() -> None:
    document = sound()
    document["rules"].append(rule({**BY_ALL, "asset": [ETH], "amount": {"max": "7"}}, approvals=TWO))
    (finding,) = found(document)
    assert finding.rules == ("larger ETH", "new") and "'larger ETH' decides before it" in finding.message


@pytest.mark.parametrize(
    "when",
    [
        {"asset": [TOKEN], "over_time": [{"seconds": 60, "per": "source", "max": "5"}]},
        {"destination": {"own_wallets": True}},
    ],
)
def test_one_person_is_enough_where_a_window_bounds_it_or_nothing_leaves(when: Document) -> None:
    document = sound()
    document["limits"].clear()
    document["rules"] = [rule({"initiator": {"members": ["exchange"]}, **when})]
    assert codes(document) == set()


def test_a_window_for_each_destination_bounds_only_what_is_listed() -> None:
    document = sound()
    document["limits"] = []
    by_destination = {"over_time": [{"seconds": 60, "per": "destination", "max": "5"}], "asset": [ETH]}
    document["rules"] = [rule(by_destination)]
    assert "check.alone_without_limits" in codes(document)
    document["rules"] = [rule({**by_destination, "destination": {"listed": ["vendors"]}})]
    assert codes(document) == set()


def test_a_device_bound_rule_takes_no_synced_passkey() -> None:
    document = sound()
    for name in ("alice", "bob", "carol"):
        key = SoftPasskey("http://localhost:7800", surface="approver").credential.to_doc()
        document["people"][name]["keys"].append(key)
    document["people"]["bob"]["keys"].append(SYNCED)
    document["tiers"]["warm"] = document["tiers"]["hot"]
    document["rules"] = [rule(BY_ALL, approvals=TWO, device_bound=True, surface="approver")]
    assert codes(document) == set()
    document["people"]["bob"]["keys"].pop(1)
    assert codes(document) == {"check.quorum_unmet_for"}


WALLET = Purse("hot-eth", AccountId(OTHER), ChainId(CHAIN), "hot", "hot-ecdsa")
HOUSE = House((WALLET,), (("hot-ecdsa", "hot"),))


@pytest.mark.parametrize(
    ("house", "edit", "code"),
    [
        (House((Purse("cold", AccountId(OTHER), ChainId(CHAIN), "cold", "hot-ecdsa"),), HOUSE.keys),
         lambda d: d["rules"].__delitem__(slice(1, None)), "check.wallet_unruled"),
        (House((), HOUSE.keys), None, "check.key_unused"),
        (House((), (("k", "cold"),)), None, "check.in_use"),
        (House((Purse("w", AccountId(OTHER), ChainId("eip155:9"), "hot", "k"),), (("k", "hot"),)), None,
         "check.in_use"),
        (HOUSE, first({"source": {"wallets": ["gone"]}, **BY_ALL}, approvals=TWO), "check.wallet_unknown"),
        (HOUSE, first({"asset": [ETH], **BY_ALL}, approvals=TWO, keys=["hot-ecdsa", "gone"]), "check.key_unknown"),
        (HOUSE, first({"asset": [ETH], **BY_ALL}, approvals=TWO, keys=["gone"]), "check.key_denies_wallet"),
        (House(HOUSE.wallets, HOUSE.keys, frozenset({"alice"})), None, "check.quorum_unmet_for"),
        (House(HOUSE.wallets, HOUSE.keys, frozenset({"alice", "bob"})), None, "check.no_administrators"),
        (House(HOUSE.wallets, HOUSE.keys, frozenset(),
               frozenset(seeded(name).credential.key_id for name in PEOPLE)), None, "check.no_freezer"),
    ],
)  # fmt: skip
def test_the_log_is_held_against_the_draft(house: House, edit: Callable[[Document], Any] | None, code: str) -> None:
    document = sound()
    assert found(document, HOUSE) == []
    if edit:
        edit(document)
    assert code in codes(document, house)


@st.composite
def quorums(draw: st.DrawFn) -> Document:
    """A rule over small groups with any thresholds, surfaces and initiators."""
    document = sound()
    document["people"]["bob"]["keys"].append(BOUND_KEY)
    document["people"]["carol"]["keys"].append(SYNCED)
    members = st.lists(st.sampled_from(PEOPLE), unique=True, min_size=1)
    document["groups"] |= {name: draw(members) for name in ("a", "b", "c")}
    names = draw(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=3), min_size=1, max_size=2))
    approvals = [
        [{"group": g, "threshold": draw(st.integers(1, min(2, len(document["groups"][g]))))} for g in each]
        for each in names
    ]
    proposing = draw(st.lists(st.sampled_from([*PEOPLE, "exchange"]), unique=True, min_size=1))
    document["rules"] = [
        rule(
            {"initiator": {"members": proposing}},
            approvals=approvals,
            initiator_may_approve=draw(st.booleans()),
            surface=draw(st.sampled_from(["console", "approver"])),
            device_bound=draw(st.booleans()),
        )
    ]
    return document


def by_force(document: Document, initiator: str) -> bool:
    """Whether some choice of different people fills all places of some alternative."""
    allow = document["rules"][0]["allow"]

    def may(name: str) -> bool:
        if name == initiator and not allow["initiator_may_approve"]:
            return False
        keys = document["people"][name]["keys"]
        if allow["surface"] == "approver":
            keys = [key for key in keys if key.get("surface") == "approver"]
        if allow["device_bound"]:
            keys = [key for key in keys if key.get("backup_eligible") is False]
        return bool(keys)

    def fill(needs: list[Document], taken: frozenset[str]) -> bool:
        if not needs:
            return True
        free = [name for name in document["groups"][needs[0]["group"]] if name not in taken and may(name)]
        return any(fill(needs[1:], taken.union(some)) for some in combinations(free, needs[0]["threshold"]))

    return any(fill(needs, frozenset()) for needs in allow["approvals"])


@given(quorums())
def test_an_unsatisfiable_quorum_is_never_missed_nor_invented(document: Document) -> None:
    met = [by_force(document, name) for name in document["rules"][0]["when"]["initiator"]["members"]]
    told = codes(copy.deepcopy(document))
    assert ("check.quorum_unmet" in told) == (not any(met))
    assert ("check.quorum_unmet_for" in told) == (any(met) and not all(met))


def test_findings_say_their_rules_and_stand_errors_first() -> None:
    document = sound()
    document["cool_down"] = 0
    document["rules"].insert(0, rule({"initiator": {"groups": []}, "asset": [ETH], "amount": {"max": str(WEI)}}))
    told = [finding.to_doc() for finding in found(document)]
    assert [each["level"] for each in told] == ["error", "warning"] and told[0]["rules"] == ["new"]
