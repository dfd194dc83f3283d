"""Rules that never decide: behind an earlier one that always speaks first, or asking what cannot be.

Sound, not complete: what is said here is so for every request; a rule that several others hide together is not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

from strongroom.documents.names import split_account, split_asset
from strongroom.policy.calls import CallShape, Constraint
from strongroom.policy.model import TRANSFER, Condition, MessageShape, Operation, OverTime, Policy, Rule
from strongroom.policy.quorums import initiators

Item = TypeVar("Item")
_UNBOUNDED: Final = 2**256  # above every amount and every sum that matters


def hidden_by(policy: Policy, later: int) -> Rule | None:
    """The first rule that decides whatever the rule at a place (from 0) could."""
    return next((rule for rule in policy.rules[:later] if _covers(policy, rule, policy.rules[later])), None)


def impossible(policy: Policy, rule: Rule) -> str | None:
    """Why a rule can match nothing at all, in words; None when something is left."""
    c = rule.condition
    if not initiators(policy, c):
        return "nobody is left who could propose it"
    for name, part in (("wallet", c.wallets), ("tier", c.tiers), ("account", c.sources), ("asset", c.assets)):
        if part is not None and not part:
            return f"it names no {name}"
    if c.operations == ():
        return "it names no operation"
    if not _destined(c) and (c.accounts is not None or c.listed is not None):
        return "it names no destination"
    if not _on_one_chain(c):
        return "its accounts and its assets are on different chains"
    operations = _operations(rule)
    if operations is not None and TRANSFER in operations and len(operations) == 1 and c.amount_max == 0:
        return "a transfer moves at least one base unit, and it allows none"
    if operations and all(isinstance(each, MessageShape) for each in operations) and c.amount_min:
        return "a message moves nothing, and it asks for an amount"
    for over in c.over_time:
        least = c.value_min if over.values else c.amount_min
        if least is not None and least > over.maximum:
            return "the least that it asks for is more than it lets through over time"
    return None


def _destined(c: Condition) -> bool:
    listed = c.listed and c.tags != frozenset()
    return bool(c.accounts or listed or c.own_wallets or c.one_time)


def _on_one_chain(c: Condition) -> bool:
    """Whether source accounts, destination accounts and assets, where they are all that is named, share a chain."""
    only_accounts = c.accounts is not None and not c.listed and not c.own_wallets and not c.one_time
    named = [{split_account(each)[0] for each in c.sources}] if c.sources is not None else []
    named += [{split_account(each)[0] for each in c.accounts or ()}] if only_accounts else []
    named += [{split_asset(each)[0] for each in c.assets}] if c.assets is not None else []
    return not named or bool(set.intersection(*named))


def _covers(policy: Policy, earlier: Rule, later: Rule) -> bool:
    """Whether `earlier` decides, or denies for want of a price, whatever `later` would decide."""
    a, b = earlier.condition, later.condition
    assets = a.assets if a.assets is not None and policy.assets.keys() - a.assets else None
    parts = ((b.wallets, a.wallets), (b.tiers, a.tiers), (b.sources, a.sources), (b.assets, assets))
    return (
        initiators(policy, b) <= initiators(policy, a)
        and all(_narrower(inner, outer) for inner, outer in parts)
        and _reaches(a, b)
        and _operates(_operations(earlier), _operations(later))
        and _within((a.amount_min, a.amount_max), (b.amount_min, b.amount_max))
        and _within((a.value_min, a.value_max), (b.value_min, b.value_max))
        and all(any(_same_window(o, p) and p.maximum <= o.maximum for p in b.over_time) for o in a.over_time)
        and not (_prices(a) == 1 and _prices(b) == 2)
    )


def _narrower(inner: frozenset[Item] | None, outer: frozenset[Item] | None) -> bool:
    return outer is None or (inner is not None and inner <= outer)


def _reaches(a: Condition, b: Condition) -> bool:
    """Whether each way in which `b` lets a destination be known is one of `a`'s."""
    if a.accounts is None and a.listed is None and not a.own_wallets and not a.one_time:
        return True
    if b.accounts is None and b.listed is None and not b.own_wallets and not b.one_time:
        return False
    rows = not b.listed or (
        b.listed <= (a.listed or frozenset()) and _narrower(b.tags, a.tags) and a.listed_for <= b.listed_for
    )
    named = not b.accounts or b.accounts <= (a.accounts or frozenset())
    return named and rows and (a.own_wallets or not b.own_wallets) and (a.one_time or not b.one_time)


def _operations(rule: Rule) -> tuple[Operation, ...] | None:
    """What a rule is about; None: everything."""
    operations = rule.condition.operations
    return operations if operations is not None or rule.allowance is None else (TRANSFER,)


def _operates(outer: tuple[Operation, ...] | None, inner: tuple[Operation, ...] | None) -> bool:
    if outer is None:
        return True
    return inner is not None and all(any(_takes(a, b) for a in outer) for b in inner)


def _takes(a: Operation, b: Operation) -> bool:
    if not isinstance(a, CallShape) or not isinstance(b, CallShape):
        return a == b
    asked = all(any(i == j and _implies(d, c) for j, d in b.arguments) for i, c in a.arguments)
    return b.contracts <= a.contracts and a.method == b.method and asked


def _implies(strict: Constraint, loose: Constraint) -> bool:
    bounds = _within((loose.least, loose.most), (strict.least, strict.most))
    return _narrower(strict.allowed, loose.allowed) and bounds and (strict.own_wallet or not loose.own_wallet)


def _within(outer: tuple[int | None, int | None], inner: tuple[int | None, int | None]) -> bool:
    def span(bounds: tuple[int | None, int | None]) -> Iterator[int]:
        yield bounds[0] or 0
        yield _UNBOUNDED if bounds[1] is None else bounds[1]

    (least, most), (lower, upper) = span(outer), span(inner)
    return least <= lower and upper <= most


def _same_window(a: OverTime, b: OverTime) -> bool:
    return (a.seconds, a.per, a.values) == (b.seconds, b.per, b.values)


def _prices(c: Condition) -> int:
    """0: needs no price; 1: the asset's; 2: the native coin's, too, when there is a fee."""
    if any(over.values for over in c.over_time):
        return 2
    return 1 if c.value_min is not None or c.value_max is not None else 0
