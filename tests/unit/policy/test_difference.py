"""Two versions compared: every change is told, and whether it would act at once by itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from strongroom.policy.chapters import chapters
from strongroom.policy.check import check
from strongroom.policy.difference import acts_at_once, difference, obstacles
from tests.policies import loaded, scenario
from tests.workspace import START, TOKEN, WEI, Workspace, seeded

Document = dict[str, Any]
OLD = Workspace().policy_document()
DENY = {"name": "no more LUSD", "when": {"asset": [TOKEN]}, "deny": "not any more"}


def edited(edit: Callable[[Document], Any]) -> Document:
    document = {**copy.deepcopy(OLD), "version": 2}
    edit(document)
    return document


def limit(document: Document) -> Document:
    found: Document = document["limits"][0]
    return found


A_DAY = "Limits beside all rules, ETH a day: "
CHANGES: list[tuple[Callable[[Document], Any], str, bool]] = [
    (lambda d: limit(d).update(max=str(WEI)),
     f"{A_DAY}at most 50 ETH in 1 day per source → at most 1 ETH in 1 day per source", True),
    (lambda d: limit(d).update(max=str(99 * WEI)),
     f"{A_DAY}at most 50 ETH in 1 day per source → at most 99 ETH in 1 day per source", False),
    (lambda d: d["limits"].clear(), f"{A_DAY}at most 50 ETH in 1 day per source → nothing", False),
    (lambda d: d["rules"].append(DENY), "Rules, no more LUSD: nothing → of LUSD; denied: not any more", True),
    (lambda d: d["rules"].insert(0, DENY), "Rules, no more LUSD: nothing → of LUSD; denied: not any more", True),
    (lambda d: d["rules"][3]["allow"].update(delay=60),
     "Rules, vendors, after a delay: after a delay of 10 minutes → after a delay of 1 minute", False),
    (lambda d: d["rules"][3]["allow"].update(delay=3600),
     "Rules, vendors, after a delay: after a delay of 10 minutes → after a delay of 1 hour", True),
    (lambda d: d["groups"].update(treasury=["bob", "carol"]),
     "Groups, treasury: alice, bob, carol → bob, carol", False),
    (lambda d: d.update(cool_down=60), "A later version waits, unless it only tightens: 1 hour → 1 minute", False),
    (lambda d: d.update(expires=START + 1), "Expires: 2027-10-26 14:13:20 UTC → 2026-09-21 14:13:20 UTC", True),
    (lambda d: d["administrators"].update(threshold=3),
     "Administrators: 2 of alice, bob, carol → 3 of alice, bob, carol", False),
    (lambda d: d.update(fold=2), "fold: 1 → 2", False),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "text", "tightens"), CHANGES)
def test_a_change_is_told_with_what_it_is(edit: Callable[[Document], Any], text: str, tightens: bool) -> None:
    new = edited(edit)
    (change,) = difference(OLD, new)
    assert (change.text(), change.tightens, acts_at_once(OLD, new)) == (text, tightens, tightens)


def test_what_stays_is_not_told() -> None:
    assert difference(OLD, edited(lambda d: None)) == [] and acts_at_once(OLD, edited(lambda d: None))


def test_each_change_is_judged_by_itself() -> None:
    def both(document: Document) -> None:
        limit(document)["max"] = str(WEI)
        document["people"]["dan"] = {"role": "person", "keys": [seeded("dan").credential.to_doc()]}
        document["groups"]["treasury"].append("dan")

    new = edited(both)
    told = {change.field: change.tightens for change in difference(OLD, new)}
    assert told == {"people": False, "groups": False, "limits": True} and not acts_at_once(OLD, new)


def test_another_order_of_rules_is_a_change() -> None:
    (change,) = difference(OLD, edited(lambda d: d["rules"].reverse()))
    assert change.name == "their order" and change.come[0] == "vendors, after a delay" and not change.tightens


def test_what_words_do_not_show_is_told_as_it_is_written() -> None:
    def moved(document: Document) -> None:
        document["witnesses"]["nodes"]["signer-1"]["placement"]["site"] = "elsewhere"

    (change,) = difference(OLD, edited(moved))
    assert change.field == "witnesses" and "elsewhere" in change.come[0] and "elsewhere" not in change.gone[0]


def test_what_the_log_would_refuse_is_told() -> None:
    assert obstacles(OLD, edited(lambda d: None), START) == []
    wrong = edited(lambda d: d.update(version=3, expires=START, witnesses={}))
    assert [text.partition(" ")[0] for text in obstacles(OLD, wrong, START)] == ["the", "it", "witnesses"]


def test_whatever_can_be_drawn_is_told_checked_and_compared() -> None:
    drawn = [row for seed in range(30) for row in scenario(Random(seed), asks=1).past if isinstance(row, dict)]
    policies = [(document, policy) for document in drawn if (policy := loaded(document))]
    assert len(policies) > 30
    for (old, _), (new, policy) in pairwise(policies):
        assert chapters(new) and isinstance(check(policy, START), list) and difference(new, new) == []
        assert bool(difference(old, new)) == ({**old, "version": 1} != {**new, "version": 1})
