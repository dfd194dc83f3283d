"""The decision: the first rule that matches speaks; nothing matched means denied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.documents.names import AccountId, AssetId
from strongroom.policy.model import Condition, Per, Policy, WindowShape
from strongroom.policy.obligations import Obligations


@dataclass(frozen=True, slots=True)
class Window:
    """One running sum: a shape and the initiator, wallet, account or asset that it counts for."""

    shape: WindowShape
    subject: str


@dataclass(frozen=True, slots=True)
class Request:
    """The facts of one transfer that rules may look at; amounts in base units, all from trusted sources."""

    initiator: str
    wallet: str
    tier: str
    destination: AccountId
    listed: frozenset[str]
    own_wallet: bool
    asset: AssetId
    amount: int
    native: AssetId
    fee: int = 0

    def window(self, shape: WindowShape) -> Window:
        """The running sum that this request falls under; fees count for the asset that they are paid in."""
        match shape.per:
            case Per.INITIATOR:
                return Window(shape, self.initiator)
            case Per.SOURCE:
                return Window(shape, self.wallet)
            case Per.DESTINATION:
                return Window(shape, self.destination)
            case Per.ASSET:
                return Window(shape, shape.asset)

    def weight(self, shape: WindowShape) -> int:
        """What this request adds to a window: amount, worst-case fee, or both when the fee is paid in the asset."""
        amount = self.amount if shape.asset == self.asset and not shape.fees_only else 0
        return amount + (self.fee if shape.asset == self.native else 0)


Usage = Callable[[Window], int]
"""Reads the sum already authorized in a window, in base units."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The rule that matched, and what it demands."""

    obligations: Obligations


@dataclass(frozen=True, slots=True)
class Denied:
    """Why not: a stable code and one line in plain words."""

    code: str
    reason: str


Verdict = Allowed | Denied


def evaluate(policy: Policy, request: Request, used: Usage) -> Verdict:
    """Decide `request` under `policy`, reading window sums through `used` (sums of transfers authorized before)."""
    if request.asset not in policy.assets:
        return Denied("policy.asset_unknown", f"the policy names no asset {request.asset}")
    groups = policy.groups_of(request.initiator)
    for rule in policy.rules:
        if _matches(rule.condition, request, groups, used):
            if rule.allowance is None:
                return Denied("policy.denied", f"rule '{rule.name}' denies it: {rule.reason}")
            return Allowed(Obligations(rule.name, rule.allowance))
    return Denied("policy.no_rule", "no rule of the policy allows it")


def exceeded(policy: Policy, request: Request, used: Usage) -> Denied | None:
    """The first limit that `request`, worst-case fee included, would break, or None."""
    for limit in (*policy.limits, *(terms.fee_window for terms in policy.chains.values())):
        weight, shape = request.weight(limit.window), limit.window
        total = weight and used(request.window(shape)) + weight
        if total > limit.maximum:
            code = "fee.window_exceeded" if shape.fees_only else "limit.exceeded"
            reason = f"limit '{limit.name}' is {limit.maximum} base units in {shape.seconds} s, this makes {total}"
            return Denied(code, reason)
    return None


def _matches(condition: Condition, request: Request, groups: frozenset[str], used: Usage) -> bool:
    """Whether every part of the condition holds; cheap facts first, window sums last."""
    c = condition
    facts = ((c.assets, request.asset), (c.wallets, request.wallet), (c.tiers, request.tier))
    if any(named is not None and fact not in named for named, fact in facts):
        return False
    named = c.initiators is not None and request.initiator in c.initiators
    grouped = c.initiator_groups is not None and bool(groups & c.initiator_groups)
    if (c.initiators is not None or c.initiator_groups is not None) and not (named or grouped):
        return False
    if c.accounts is not None or c.listed is not None or c.own_wallets:
        known = c.accounts is not None and request.destination in c.accounts
        listed = c.listed is not None and bool(request.listed & c.listed)
        if not (known or listed or (c.own_wallets and request.own_wallet)):
            return False
    if c.amount_min is not None and request.amount < c.amount_min:
        return False
    if c.amount_max is not None and request.amount > c.amount_max:
        return False
    for over in c.over_time:
        shape = WindowShape(request.asset, over.seconds, over.per)
        if used(request.window(shape)) + request.weight(shape) > over.maximum:
            return False
    return True
