"""Two evaluators of one page: over policies, histories and requests by chance they never differ.

A seeded sample runs each time; `make fuzz` asks a million (`python -m tests.evaluators`).
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import assume, find, given, settings
from hypothesis import strategies as st
from immutables import Map

from strongroom.custody import limits
from strongroom.documents import canonical
from strongroom.policy import evaluate, obligations
from tests import evaluators
from tests.evaluators import ASKS, differences, first
from tests.policies import Scenario, loads, scenario, thinned
from tests.unit.custody.test_total import JUNK, changed, places

SEEDS = 20_000 // ASKS
CODES = {
    "operation.allowance_unbounded", "operation.use_transfer", "operation.not_a_contract",
    "message.unknown_type", "message.not_allowed",
    "policy.asset_unknown", "policy.no_rule", "policy.denied", "policy.key_not_allowed",
    "valuation.missing", "valuation.stale",
    "limit.exceeded", "fee.window_exceeded", "ceiling.exceeded",
}  # fmt: skip


def test_a_seeded_sample_of_twenty_thousand_is_decided_alike() -> None:
    for seed in range(SEEDS):
        assert not differences(scenario(Random(seed), ASKS)), f"python -m tests.evaluators --seed {seed}"


def test_the_sample_comes_to_every_answer() -> None:
    said = Counter[str]()
    for seed in range(SEEDS // 2):
        for answer in first(scenario(Random(seed), ASKS)):
            said[answer.verdict if "." in answer.verdict else "allowed"] += 1
            said[answer.limit] += 1
    assert {code: said[code] for code in {*CODES, "allowed"} if said[code] < 3} == {}


@st.composite
def worlds(draw: st.DrawFn) -> Scenario:
    """A world by a seed, parts of it left out: a difference shrinks to those parts that it needs."""
    world = thinned(scenario(Random(draw(st.integers(0, 2**32))), 3), lambda: draw(st.integers(0, 5)) > 0)
    assume(all(loads(each) for each in world.past if isinstance(each, dict)))
    return world


@given(worlds())
def test_whatever_is_drawn_is_decided_alike(world: Scenario) -> None:
    assert not differences(world)


def mangled(random: Random, document: Any) -> Any:
    """The document with one value left out, doubled, or put in another's place; or with junk there."""
    path, other = (random.choice(list(places(document))) for _ in range(2))
    value = document
    for step in other:
        value = value[step]
    how = random.choice(("junk", "junk", "swap", "swap", "drop", "double", "add", "cut"))
    return changed(document, path, how, copy.deepcopy(value) if how == "swap" else random.choice(JUNK))


def test_whatever_is_mangled_is_decided_or_refused_by_a_code() -> None:
    said = Counter[bool]()
    for seed in range(400):
        random = Random(seed)
        world = scenario(random, 10, fold=2)
        policy = next(each for each in world.past if isinstance(each, dict))
        part = random.choice([each for each in ("rules", "rules", "limits", "messages", "valuation") if each in policy])
        policy = {**policy, part: mangled(random, policy[part])}
        said[loads(policy)] += 1  # or another exception than a refusal
        worlds = [replace(world, past=(policy,))] if loads(policy) else []
        asked = [replace(ask, intent=intent) for ask in world.asked if at_home(intent := mangled(random, ask.intent))]
        for each in (*worlds, replace(world, asked=tuple(asked))):
            for answer in first(each):
                said["." not in answer.verdict] += 1
    assert min(said.values()) > 100


def at_home(intent: Any) -> bool:
    """Whether it is from a wallet that there is: the fold looks at nothing else before."""
    return isinstance(intent, dict) and intent.get("from") in ("w-1", "w-2", "w-3", "w-4")


def _plant(module: Any, name: str, make: Callable[[Any], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(module, name, make(getattr(module, name)))


def _without_surface(_: property) -> property:
    def digest(owed: obligations.Obligations) -> str:
        return canonical.digest({term: each for term, each in owed.to_doc().items() if term != "surface"})

    return property(digest)


PLANTED = {
    "an amount at its upper bound is too much": _plant(
        evaluate, "_between", lambda was: lambda least, value, most: was(least, value, most and most - 1)
    ),
    "constraints on arguments are not asked": _plant(
        evaluate, "fits", lambda was: lambda shape, call, own: was(replace(shape, arguments=()), call, own)
    ),
    "stale prices serve": _plant(
        evaluate, "_unpriced", lambda was: lambda request, **needed: was(replace(request, stale=False), **needed)
    ),
    "the ceiling into a tier is not asked": _plant(
        evaluate, "_limits", lambda was: lambda policy, request: was(policy, replace(request, own_tier=""))
    ),
    "a window counts no whole buckets": _plant(limits, "_bucket_ms", lambda was: lambda shape: 1),
    "values are rounded down": _plant(
        limits, "worth", lambda was: lambda *given: max(0, (was(*given) or 0) - 1) if was(*given) is not None else None
    ),
    "the first prices do not value what was before them": _plant(
        evaluators, "revalued", lambda was: lambda state, policy, prices: state
    ),
    "a new policy's windows begin empty": _plant(evaluators, "resummed", lambda was: lambda state, policy: Map()),
    "approvers do not sign the surface": _plant(obligations.Obligations, "digest", _without_surface),
}
"""Mistakes in the first evaluator, as they might be made: the harness must see each of them."""


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_difference_is_found(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED[mistake](monkeypatch)
    assert any(differences(scenario(Random(seed), ASKS)) for seed in range(SEEDS)), mistake


def test_a_difference_shrinks_to_a_small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED["an amount at its upper bound is too much"](monkeypatch)
    once = settings(max_examples=2000, database=None, derandomize=True)
    world = find(worlds(), lambda each: bool(differences(each)), settings=once)
    *before, policy = (each for each in world.past if isinstance(each, dict))
    assert (len(world.past), len(world.asked), len(before)) <= (2, 1, 1)
    assert len(policy["rules"]) <= 2 and all(len(rule["when"]) <= 2 for rule in policy["rules"])
