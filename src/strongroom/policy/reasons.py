"""Why a request is decided as it is: each rule up to the one that speaks, with what of it does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from strongroom.policy.evaluate import Allowed, Denied, Request, Usage, Verdict, evaluate, exceeded
from strongroom.policy.model import Condition, Policy, Rule
from strongroom.policy.words import Doc, phrases

_FIELDS: Final = {
    "initiator": ("initiators", "initiator_groups"),
    "source": ("wallets", "tiers", "sources"),
    "destination": ("accounts", "listed", "tags", "listed_for", "own_wallets", "one_time"),
    "asset": ("assets",),
    "operation": ("operations",),
    "amount": ("amount_min", "amount_max"),
    "over_time": ("over_time",),
    "value": ("value_min", "value_max"),
}
"""The parts of `when`, and what of a condition they make."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A rule that was looked at: what of its condition does not hold (nothing: it decides)."""

    rule: str
    failing: tuple[str, ...]

    def to_doc(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {"rule": self.rule, "decides": not self.failing, "failing": list(self.failing)}


@dataclass(frozen=True, slots=True)
class Explained:
    """The rules in order up to the one that decides, and the answer, limits included."""

    looked: tuple[Looked, ...]
    answer: Verdict


def explained(policy: Policy, request: Request, used: Usage) -> Explained:
    """What `evaluate` and then the limits say, and how they came to it."""
    answer = evaluate(policy, request, used)
    looked = [] if request.asset not in policy.assets else [*_looked(policy, request, used)]
    if isinstance(answer, Allowed):
        answer = exceeded(policy, request, used) or answer
    return Explained(tuple(looked), answer)


def _looked(policy: Policy, request: Request, used: Usage) -> Iterator[Looked]:
    """Each rule is asked alone; what it answers nothing to fails in at least one part."""
    for rule, spec in zip(policy.rules, policy.document["rules"], strict=True):
        alone = evaluate(replace(policy, rules=(rule,)), request, used)
        if not isinstance(alone, Denied) or alone.code != "policy.no_rule":
            yield Looked(rule.name, ())
            return
        yield Looked(rule.name, tuple(_failing(policy, rule, spec, request, used)))


def _failing(policy: Policy, rule: Rule, spec: Doc, request: Request, used: Usage) -> Iterator[str]:
    """Each part is asked as the whole condition of a denial, which is about every operation unless it names some."""
    c, assets, valuation = rule.condition, policy.document["assets"], policy.document.get("valuation")
    named = {"asset": spec["when"]["asset"]} if "asset" in spec["when"] else {}
    other_asset = c.assets is not None and request.asset not in c.assets
    for part, fields in _FIELDS.items():
        if other_asset and part in ("amount", "over_time"):
            continue  # it bounds amounts of another asset
        terms = rule.allowance if part == "operation" else None
        asked = Rule(rule.name, Condition(**{field: getattr(c, field) for field in fields}), terms)
        answer = evaluate(replace(policy, rules=(asked,)), request, used)
        if isinstance(answer, Denied) and answer.code == "policy.no_rule":
            said = phrases({**named, part: spec["when"].get(part, ["transfer"])}, assets, valuation)
            yield from said if part == "asset" else (phrase for phrase in said if phrase not in phrases(named, assets))
