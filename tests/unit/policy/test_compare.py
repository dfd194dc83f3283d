"""A version that only takes away is in force at once: it never allows what was denied, and never asks less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.documents.credentials import Surface
from strongroom.documents.names import AccountId, AssetId
from strongroom.errors import InvalidInput
from strongroom.policy.compare import tightens
from strongroom.policy.evaluate import Allowed, Denied, Listing, Request, evaluate, exceeded
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Allowance, Policy
from strongroom.policy.obligations import Obligations, missing
from tests.workspace import CHAIN, ETH, OTHER, PAYEE, PEOPLE, TOKEN, WEI, Workspace

Document = dict[str, Any]
Edit = Callable[[Document], object]


def full() -> Document:
    """A policy with every term that can be tightened."""
    document = Workspace().second_fold()
    document["limits"].append({"name": "values", "seconds": 60, "per": "initiator", "max_value": "1000000"})
    document["groups"]["board"] = ["alice", "bob"]
    terms = document["rules"][2]["allow"]
    terms |= {"surface": "console", "keys": ["hot-ecdsa", "spare"], "delay": 60, "initiator_may_approve": True}
    terms["approvals"] = [[{"group": "treasury", "threshold": 1}], [{"group": "board", "threshold": 1}]]
    return document


OLD = load_policy(full())
DENIAL = {"name": "no", "when": {"source": {"tiers": ["hot"]}}, "deny": "no"}


def changed(*edits: Edit) -> Policy:
    document = {**full(), "version": 2}
    for edit in edits:
        edit(document)
    return load_policy(document)


def terms(document: Document) -> Document:
    """What rule `larger ETH` asks."""
    found: Document = next(rule for rule in document["rules"] if rule["name"] == "larger ETH")["allow"]
    return found


def need(document: Document, threshold: int, place: int = 0) -> None:
    terms(document)["approvals"][place][0]["threshold"] = threshold


def screening(document: Document) -> Document:
    found: Document = document["rules"][-1]["allow"]["screening"]
    return found


def ceiling(document: Document) -> Document:
    found: Document = document["tiers"]["hot"]["ceiling"]
    return found


TIGHTER: dict[str, Edit] = {
    "nothing": lambda d: None,
    "threshold up": lambda d: need(d, 3),
    "delay up": lambda d: terms(d).update(delay=61),
    "expiry down": lambda d: terms(d).update(expiry=1),
    "fee ceiling down": lambda d: terms(d).update(fee_ceiling="0"),
    "approver's machine": lambda d: terms(d).update(surface="approver"),
    "device-bound": lambda d: terms(d).update(device_bound=True),
    "fewer keys": lambda d: terms(d).update(keys=["spare"]),
    "keys of one that named none": lambda d: d["rules"][0]["allow"].update(keys=["spare"]),
    "initiator out": lambda d: terms(d).update(initiator_may_approve=False),
    "approvals where none were": lambda d: d["rules"][0]["allow"].update(approvals=terms(d)["approvals"]),
    "screening added": lambda d: terms(d).update(screening={"services": ["screener"], "max_age": 5}),
    "screening sooner": lambda d: screening(d).update(max_age=1),
    "a denial above": lambda d: d["rules"].insert(0, DENIAL),
    "a denial below": lambda d: d["rules"].append(DENIAL),
    "lower ceiling": lambda d: ceiling(d).update(out="1"),
    "further ceiling": lambda d: ceiling(d).update({"in": "5"}),
    "lower limit": lambda d: d["limits"][1].update(max_value="7"),
    "further limit": lambda d: d["limits"].append({"name": "n", "seconds": 9, "per": "asset", "max_value": "5"}),
    "lower fee window": lambda d: d["chains"][CHAIN]["fee_window"].update(max="5"),
    "earlier end": lambda d: d.update(expires=d["expires"] - 1),
    "fresher checkpoints": lambda d: d["tiers"]["hot"].update(checkpoint_age=1),
    "another coordinator": lambda d: d.update(coordinator={**d["coordinator"], "public": "aa" * 32}),
}  # fmt: skip

LOOSER: dict[str, Edit] = {
    "threshold down": lambda d: need(d, 1, 1) or terms(d)["approvals"].append([{"group": "board", "threshold": 2}]),
    "one of the alternatives": lambda d: terms(d)["approvals"].pop(),
    "another group": lambda d: terms(d)["approvals"][0][0].update(group="board"),
    "no approvals": lambda d: terms(d).update(approvals=[]),
    "delay down": lambda d: terms(d).update(delay=59),
    "expiry up": lambda d: terms(d).update(expiry=86401),
    "fee ceiling up": lambda d: terms(d).update(fee_ceiling=str(WEI)),
    "another key": lambda d: terms(d).update(keys=["hot-ecdsa", "other"]),
    "any key": lambda d: terms(d).update(keys=None),
    "initiator in": lambda d: d["rules"][0]["allow"].update(initiator_may_approve=True),
    "no screening": lambda d: d["rules"][-1]["allow"].update(screening=None),
    "screening later": lambda d: screening(d).update(max_age=601),
    "fewer who may flag": lambda d: screening(d).update(services=["oracle-1"]),
    "a rule removed": lambda d: d["rules"].pop(1),
    "two rules swapped": lambda d: d["rules"].reverse(),
    "a rule allows more": lambda d: d["rules"].append({"name": "y", "when": {}, "allow": terms(d)}),
    "a narrower rule": lambda d: d["rules"][2]["when"]["amount"].update(max="5"),
    "higher ceiling": lambda d: ceiling(d).update(out="10000001"),
    "no ceiling": lambda d: d["tiers"]["hot"].pop("ceiling"),
    "another window": lambda d: ceiling(d).update(seconds=60),
    "requests": lambda d: d["tiers"]["hot"].update(requests=True),
    "staler checkpoints": lambda d: d["tiers"]["hot"].update(checkpoint_age=31),
    "another scheme": lambda d: d["tiers"]["hot"]["schemes"].append("x"),
    "a tier more": lambda d: d["tiers"].update(cold=d["tiers"]["hot"]),
    "no limits": lambda d: d["limits"].clear(),
    "a limit twice": lambda d: d["limits"].append(d["limits"][0]),
    "higher limit": lambda d: d["limits"][0].update(max=str(51 * WEI)),
    "another limit": lambda d: d["limits"][0].update(seconds=60),
    "higher fee window": lambda d: d["chains"][CHAIN]["fee_window"].update(max=str(2 * WEI)),
    "fewer confirmations": lambda d: d["chains"][CHAIN].update(confirmations=1),
    "later end": lambda d: d.update(expires=d["expires"] + 1),
    "shorter cool-down": lambda d: d.update(cool_down=0),
    "older prices": lambda d: d["valuation"].update(max_age=3601),
    "a person more": lambda d: d["groups"]["board"].append("carol"),
}  # fmt: skip


@pytest.mark.parametrize("name", TIGHTER)
def test_what_only_takes_away_is_in_force_at_once(name: str) -> None:
    assert tightens(OLD, changed(TIGHTER[name]))


@pytest.mark.parametrize("name", LOOSER)
def test_everything_else_waits_out_the_cool_down(name: str) -> None:
    assert not tightens(OLD, changed(LOOSER[name]))
    assert not tightens(OLD, changed(TIGHTER["lower ceiling"], LOOSER[name])) or name == "higher ceiling"


def test_neither_surface_nor_device_is_taken_back() -> None:
    asked = changed(TIGHTER["approver's machine"], TIGHTER["device-bound"])
    assert tightens(OLD, asked) and not tightens(asked, OLD)
    assert not tightens(asked, changed(TIGHTER["approver's machine"]))
    assert not tightens(asked, changed(TIGHTER["device-bound"]))


REQUESTS = st.builds(
    Request,
    initiator=st.sampled_from(["alice", "exchange", "mallory"]),
    wallet=st.just("hot-eth"),
    tier=st.just("hot"),
    destination=st.sampled_from([AccountId(PAYEE), AccountId(OTHER)]),
    listed=st.sampled_from([{}, {"vendors": Listing()}]),
    own_wallet=st.booleans(),
    asset=st.sampled_from([AssetId(ETH), AssetId(TOKEN)]),
    amount=st.sampled_from([1, 4, 6, WEI, 5 * WEI, 10 * WEI]),
    native=st.just(AssetId(ETH)),
    fee=st.sampled_from([0, 1]),
    own_tier=st.sampled_from(["", "hot"]),
    key=st.sampled_from(["hot-ecdsa", "spare", "other"]),
    value=st.sampled_from([None, 6, 10**6 + 1, 10**7]),
    fee_value=st.sampled_from([None, 1, 6]),
    stale=st.booleans(),
)


@settings(max_examples=max(400, settings().max_examples))
@given(st.data(), REQUESTS, st.sampled_from([0, 1]), st.sets(st.sampled_from(PEOPLE)))
def test_i19_a_tightening_never_allows_what_was_denied_nor_asks_less(
    data: st.DataObject, request: Request, used: int, people: set[str]
) -> None:
    edits = {**TIGHTER, **LOOSER}
    chosen = data.draw(st.lists(st.sampled_from(sorted(TIGHTER)), min_size=1, max_size=3, unique=True))
    chosen += data.draw(st.lists(st.sampled_from(sorted(LOOSER)), max_size=1))
    try:
        new = changed(*(edits[name] for name in chosen))
    except (InvalidInput, LookupError):  # some of them do not go together
        return
    if not tightens(OLD, new):
        return
    before, after = (evaluate(policy, request, lambda _: used) for policy in (OLD, new))
    if isinstance(after, Allowed):
        assert isinstance(before, Allowed), "what was denied is allowed"
        _asks_no_less(before.obligations, after.obligations, people)
    if exceeded(new, request, lambda _: used) is None:
        assert exceeded(OLD, request, lambda _: used) is None


def _asks_no_less(before: Obligations, after: Obligations, people: set[str]) -> None:
    if not missing(after, people, OLD.groups):
        assert not missing(before, people, OLD.groups)
    pairs = zip(_asked(before.terms), _asked(after.terms), strict=True)
    assert all(old <= new for old, new in pairs)


def _asked(terms: Allowance) -> tuple[int, ...]:
    """All that terms ask beside approvals: the more, the stricter."""
    screening = terms.screening and -terms.screening.max_age
    return (
        terms.delay, -terms.expiry, -terms.fee_ceiling, terms.surface is Surface.APPROVER, terms.device_bound,
        not terms.initiator_may_approve, -(2**60) if screening is None else screening,
    )  # fmt: skip


def test_a_denial_above_is_an_answer_at_once() -> None:
    denied = changed(TIGHTER["a denial above"])
    asked = Request(
        "alice", "hot-eth", "hot", AccountId(PAYEE), {}, False, AssetId(ETH), WEI, AssetId(ETH), key="spare"
    )
    assert isinstance(evaluate(OLD, asked, lambda _: 0), Allowed)
    assert isinstance(evaluate(denied, asked, lambda _: 0), Denied)
