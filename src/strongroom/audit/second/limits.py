"""The limits: hard caps beside the rules."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.audit.second.spending import Case
from strongroom.audit.second.values import unpriced


def exceeded(case: Case) -> str:
    """The code of the first limit that denies; empty when none does."""
    return next(filter(None, _denials(case)), "")


def _denials(case: Case) -> Iterator[str]:
    """What each limit says in turn: a code, or nothing."""
    policy, debit = case.policy, case.debit
    moved = [asset for asset, amount in ((debit.asset, debit.amount), (debit.native, debit.fee)) if amount]
    for limit in policy["limits"]:
        if "asset" in limit:
            over = case.breaks(limit, limit["max"], "amounts", limit["per"], limit["asset"])
        else:
            yield unpriced(policy, case.facts, moved)
            over = case.breaks(limit, limit["max_value"], "values", limit["per"])
        yield "limit.exceeded" if over else ""
    for _, chain in sorted(policy["chains"].items()):
        window = chain["fee_window"]
        yield "fee.window_exceeded" if case.breaks(window, window["max"], "fees", chain["native"]) else ""
    for way, tier in (("out", debit.tier), ("in", debit.into)):
        ceiling = policy["tiers"].get(tier, {}).get("ceiling")
        if ceiling is not None and ceiling[way] is not None:
            yield unpriced(policy, case.facts, moved)
            yield "ceiling.exceeded" if case.breaks(ceiling, ceiling[way], way) else ""
