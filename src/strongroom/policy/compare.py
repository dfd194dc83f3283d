"""Whether a new version of the policy only tightens the version in force."""

from __future__ import annotations

from typing import Any

from strongroom.documents.credentials import Surface
from strongroom.policy.model import Allowance, ChainTerms, Limit, Policy, Rule, Screening, Tier

_BOUNDS = ("expires", "limits", "chains", "tiers", "rules", "version")
_WITHOUT_AUTHORITY = ("coordinator",)  # its log key: whoever holds it can only delay


def tightens(old: Policy, new: Policy) -> bool:
    """True only for changes that plainly take away: an earlier end, lower or further limits, fee windows and ceilings,
    further rules that deny, and rules that demand more of the same transfers.

    Another coordinator gives and takes nothing.

    Everything else counts as loosening and waits out the cool-down: a wrong "no" costs a delay, a wrong "yes" money.
    """
    kept = {limit.name: limit for limit in new.limits}
    return (
        _rest(old) == _rest(new)
        and new.expires <= old.expires
        and old.chains.keys() == new.chains.keys()
        and all(_chain(terms, new.chains[name]) for name, terms in old.chains.items())
        and old.tiers.keys() == new.tiers.keys()
        and all(_tier(tier, new.tiers[name]) for name, tier in old.tiers.items())
        and all(_caps(limit, kept.get(limit.name)) for limit in old.limits)
        and len(kept) == len(new.limits)
        and _rules(old.rules, new.rules)
    )


def _rest(policy: Policy) -> dict[str, Any]:
    return {key: value for key, value in policy.document.items() if key not in (*_BOUNDS, *_WITHOUT_AUTHORITY)}


def _caps(old: Limit | None, new: Limit | None) -> bool:
    """Whether the new limit lets through nothing that the old one stops."""
    return old is None or (new is not None and new.window == old.window and new.maximum <= old.maximum)


def _chain(old: ChainTerms, new: ChainTerms) -> bool:
    same = (old.confirmations, old.native) == (new.confirmations, new.native)
    return same and _caps(old.fee_window, new.fee_window)


def _tier(old: Tier, new: Tier) -> bool:
    lower = new.checkpoint_age <= old.checkpoint_age and new.requests <= old.requests
    return lower and old.schemes == new.schemes and _caps(old.out, new.out) and _caps(old.into, new.into)


def _rules(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> bool:
    """Whether the new table is the old one, each rule as strict as it was, with nothing but denials between."""
    left = list(reversed(old))
    for rule in new:
        if left and _rule(left[-1], rule):
            left.pop()
        elif rule.allowance is not None:
            return False
    return not left


def _rule(old: Rule, new: Rule) -> bool:
    if (old.name, old.condition) != (new.name, new.condition):
        return False
    if old.allowance is None or new.allowance is None:
        return old.allowance is new.allowance
    return _terms(old.allowance, new.allowance)


def _terms(old: Allowance, new: Allowance) -> bool:
    """Whether the new terms ask at least what the old ones ask."""
    return (
        _approvals(old, new)
        and new.delay >= old.delay
        and new.expiry <= old.expiry
        and new.fee_ceiling <= old.fee_ceiling
        and new.surface in (old.surface, Surface.APPROVER)
        and new.device_bound >= old.device_bound
        and (old.keys is None or (new.keys is not None and set(new.keys) <= set(old.keys)))
        and (old.screening is None or _screening(old.screening, new.screening))
    )


def _approvals(old: Allowance, new: Allowance) -> bool:
    if new.initiator_may_approve > old.initiator_may_approve:
        return False
    groups, same = ([[need.group for need in each] for each in terms.approvals] for terms in (old, new))
    needs, more = ([need.threshold for each in terms.approvals for need in each] for terms in (old, new))
    return not groups or (groups == same and all(a <= b for a, b in zip(needs, more, strict=True)))


def _screening(old: Screening, new: Screening | None) -> bool:
    """The same services, for each of them may also flag, and not for longer."""
    return new is not None and set(new.services) == set(old.services) and new.max_age <= old.max_age
