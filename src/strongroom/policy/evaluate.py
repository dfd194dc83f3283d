"""The decision: the first rule that matches speaks; nothing matched means denied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from strongroom.documents.names import AccountId, AssetId
from strongroom.policy.calls import CallShape, ContractCall, fits
from strongroom.policy.model import Condition, Limit, MessageShape, Operation, Per, Policy, Rule, WindowShape
from strongroom.policy.obligations import Obligations

_NOWHERE: Final = AccountId("")


@dataclass(frozen=True, slots=True)
class Window:
    """One running sum: a shape and the initiator, wallet, account, asset or tier that it counts for."""

    shape: WindowShape
    subject: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A destination's usable row on a list: its tags, and for how many milliseconds it has been usable."""

    tags: frozenset[str] = frozenset()
    age: int = 0


_SUBJECTS: Final = {
    Per.INITIATOR: "initiator", Per.SOURCE: "wallet", Per.DESTINATION: "destination",
    Per.OUT_OF_TIER: "tier", Per.INTO_TIER: "own_tier",
}  # fmt: skip


def _nobody(_address: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Request:
    """The facts of one transfer that rules may look at; amounts in base units, all from trusted sources.

    `listed`: by name the lists on which the destination is usable. `own_wallet`: it is one that is open and usable;
    `own_tier`: the tier of the own wallet that it is, usable or not. `account`, `key`: those of the source.
    `value`, `fee_value`: what amount and fee are worth by the newest prices, None without one; `stale`: they are old.
    `call`, `message`: what it is beside a payment; `is_own`: whether an address (0x…) is an own wallet's, usable.
    """

    initiator: str
    wallet: str
    tier: str
    destination: AccountId
    listed: Mapping[str, Listing]
    own_wallet: bool
    asset: AssetId
    amount: int
    native: AssetId
    fee: int = 0
    own_tier: str = ""
    account: AccountId = _NOWHERE
    key: str = ""
    value: int | None = None
    fee_value: int | None = None
    stale: bool = False
    call: ContractCall | None = None
    message: str | None = None
    is_own: Callable[[str], bool] = field(default=_nobody, compare=False)

    def adds(self, shape: WindowShape) -> tuple[tuple[Window, int], ...]:
        """The running sums of a shape that this request falls under, each with what it adds to it."""
        subject = shape.asset or self.asset if shape.per is Per.ASSET else getattr(self, _SUBJECTS[shape.per])
        if not shape.values:
            amount = self.amount if shape.asset == self.asset and not shape.fees_only else 0
            return ((Window(shape, subject), amount + (self.fee if shape.asset == self.native else 0)),)
        value, fee = self.value or 0, self.fee_value or 0
        if shape.per is Per.ASSET and self.fee and self.native != self.asset:
            return (Window(shape, subject), value), (Window(shape, self.native), fee)
        if shape.per is Per.INTO_TIER and self.own_tier in ("", self.tier):
            return ()
        return ((Window(shape, subject), value + fee),)


Usage = Callable[[Window], int]
"""Reads the sum already authorized in a window, in base units or values."""


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
        c = rule.condition
        if not _holds(rule, request, groups, used):
            continue
        sums = any(over.values for over in c.over_time)
        if sums or c.value_min is not None or c.value_max is not None:
            unpriced = _unpriced(request, amount=True, fee=sums and bool(request.fee))
            if unpriced:
                return unpriced
            if not _between(c.value_min, request.value, c.value_max) or not _within(c, request, used, values=True):
                continue
        return _answer(rule, request)
    return Denied("policy.no_rule", "no rule of the policy allows it")


def exceeded(policy: Policy, request: Request, used: Usage) -> Denied | None:
    """The first limit that `request`, worst-case fee included, would break, or None."""
    for limit in _limits(policy, request):
        shape = limit.window
        for window, weight in request.adds(shape):
            if shape.values:
                unpriced = _unpriced(request, amount=bool(request.amount), fee=bool(request.fee))
                if unpriced:
                    return unpriced
            total = weight and used(window) + weight
            if total > limit.maximum:
                unit = "of value" if shape.values else "base units"
                reason = f"limit '{limit.name}' is {limit.maximum} {unit} in {shape.seconds} s, this makes {total}"
                return Denied(_code(shape), reason)
    return None


def _code(shape: WindowShape) -> str:
    if shape.fees_only:
        return "fee.window_exceeded"
    return "ceiling.exceeded" if shape.per in (Per.OUT_OF_TIER, Per.INTO_TIER) else "limit.exceeded"


def _limits(policy: Policy, request: Request) -> Iterator[Limit]:
    """What caps the request beside the rules, in the order in which it is asked."""
    yield from policy.limits
    yield from (terms.fee_window for terms in policy.chains.values())
    source, target = policy.tiers.get(request.tier), policy.tiers.get(request.own_tier)
    yield from (ceiling for ceiling in (source and source.out, target and target.into) if ceiling)


def _unpriced(request: Request, *, amount: bool, fee: bool) -> Denied | None:
    """Which price that is needed, for the amount and for the fee, is missing or old."""
    for needed, value, asset in ((amount, request.value, request.asset), (fee, request.fee_value, request.native)):
        if needed and value is None:
            return Denied("valuation.missing", f"nobody has stated a price of {asset}")
    if request.stale and (amount or fee):
        return Denied("valuation.stale", "the newest prices are older than the policy lets them be")
    return None


def _answer(rule: Rule, request: Request) -> Verdict:
    terms = rule.allowance
    if terms is None:
        return Denied("policy.denied", f"rule '{rule.name}' denies it: {rule.reason}")
    if terms.keys is not None and request.key not in terms.keys:
        return Denied("policy.key_not_allowed", f"by rule '{rule.name}' the key '{request.key}' signs nothing")
    return Allowed(Obligations(rule.name, terms))


def _holds(rule: Rule, request: Request, groups: frozenset[str], used: Usage) -> bool:
    """Whether every part of the condition holds that needs no price; cheap facts first, window sums last."""
    c, r = rule.condition, request
    if (c.assets is not None and r.asset not in c.assets) or (c.wallets is not None and r.wallet not in c.wallets):
        return False
    if (c.tiers is not None and r.tier not in c.tiers) or (c.sources is not None and r.account not in c.sources):
        return False
    if c.initiators is not None or c.initiator_groups is not None:
        named = c.initiators is not None and r.initiator in c.initiators
        if not named and not (c.initiator_groups is not None and groups & c.initiator_groups):
            return False
    if not (_between(c.amount_min, r.amount, c.amount_max) and _reaches(c, r) and _operates(rule, r)):
        return False
    return _within(c, r, used, values=False)


def _reaches(c: Condition, r: Request) -> bool:
    """Whether the destination is one of those named."""
    if c.accounts is None and c.listed is None and not c.own_wallets and not c.one_time:
        return True
    if c.accounts is not None and r.destination in c.accounts:
        return True
    if (c.own_wallets and r.own_wallet) or (c.one_time and not r.listed and not r.own_tier):
        return True
    rows = [row for name, row in r.listed.items() if name in c.listed] if c.listed is not None else ()
    return any(row.age >= c.listed_for * 1000 and (c.tags is None or c.tags & row.tags) for row in rows)


def _operates(rule: Rule, r: Request) -> bool:
    """Whether it is one of the operations named; where none is, an allowance is of payments, a denial of everything."""
    if rule.condition.operations is None:
        return rule.allowance is None or (r.call is None and r.message is None)
    return any(_is(operation, r) for operation in rule.condition.operations)


def _is(operation: Operation, r: Request) -> bool:
    if isinstance(operation, CallShape):
        return r.call is not None and fits(operation, r.call, r.is_own)
    if isinstance(operation, MessageShape):
        return r.message == operation.name
    return r.call is None and r.message is None


def _between(least: int | None, value: int | None, most: int | None) -> bool:
    return (least is None or (value or 0) >= least) and (most is None or (value or 0) <= most)


def _within(c: Condition, r: Request, used: Usage, *, values: bool) -> bool:
    """Whether the sums over time, of amounts or of values, stay within their bounds."""
    return all(
        used(window) + weight <= over.maximum
        for over in c.over_time
        if over.values is values
        for window, weight in r.adds(over.shape(r.asset))
    )
