"""The limits: hard caps beside the rules."""

from __future__ import annotations

from collections.abc import Iterator

from strongroom.audit.second.facts import Document, Facts
from strongroom.audit.second.history import History
from strongroom.audit.second.intent import act_of
from strongroom.audit.second.spending import Spending, debit_of
from strongroom.audit.second.values import unpriced


def exceeded(policy: Document, facts: Facts, history: History) -> str:
    """The code of the first limit that denies; empty when none does, or when the intent comes to nothing."""
    act = act_of(policy, facts)
    if isinstance(act, str):
        return ""
    return next(filter(None, _denials(policy, facts, Spending(debit_of(policy, facts, act), history))), "")


def _denials(policy: Document, facts: Facts, spending: Spending) -> Iterator[str]:
    """What each limit says in turn: a code, or nothing."""
    debit = spending.debit
    moved = [asset for asset, amount in ((debit.asset, debit.amount), (debit.native, debit.fee)) if amount]
    for limit in policy["limits"]:
        if "asset" in limit:
            over = spending.breaks(limit, limit["max"], "amounts", limit["per"], limit["asset"])
        else:
            yield unpriced(policy, facts, moved)
            over = spending.breaks(limit, limit["max_value"], "values", limit["per"])
        yield "limit.exceeded" if over else ""
    for _, chain in sorted(policy["chains"].items()):
        window = chain["fee_window"]
        yield "fee.window_exceeded" if spending.breaks(window, window["max"], "fees", chain["native"]) else ""
    for way, tier in (("out", debit.tier), ("in", debit.into)):
        ceiling = policy["tiers"].get(tier, {}).get("ceiling")
        if ceiling is not None and ceiling[way] is not None:
            yield unpriced(policy, facts, moved)
            yield "ceiling.exceeded" if spending.breaks(ceiling, ceiling[way], way) else ""
