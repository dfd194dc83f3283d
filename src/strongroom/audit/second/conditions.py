"""The parts of a rule's condition, those that need prices after all others."""

from __future__ import annotations

from typing import Any

from strongroom.audit.second.facts import Document
from strongroom.audit.second.spending import Case


def plainly(case: Case, when: Document, *, denying: bool) -> bool:
    """Whether all parts hold that need no prices."""
    return (
        _initiator(case, when.get("initiator", {}))
        and _source(case, when.get("source", {}))
        and ("asset" not in when or case.act.asset in when["asset"])
        and _between(case.act.amount, when.get("amount", {}))
        and _destination(case, when.get("destination", {}))
        and _operation(case, when.get("operation"), denying=denying)
        and all(
            case.keeps(each, each["max"], "amounts", each["per"], case.act.asset)
            for each in when.get("over_time", ())
            if "max" in each
        )
    )


def priced(case: Case, when: Document) -> list[str]:
    """The assets whose prices the other parts need."""
    summed = any("max_value" in each for each in when.get("over_time", ()))
    needed = [case.act.asset] if summed or "value" in when else []
    return [*needed, case.debit.native] if summed and case.debit.fee else needed


def valued(case: Case, when: Document) -> bool:
    """Whether the parts hold that need prices."""
    return _between(case.debit.value, when.get("value", {})) and all(
        case.keeps(each, each["max_value"], "values", each["per"])
        for each in when.get("over_time", ())
        if "max_value" in each
    )


def _initiator(case: Case, part: Document) -> bool:
    if not part:
        return True
    name, groups = case.facts.initiator, case.policy["groups"]
    return name in part.get("members", ()) or any(name in groups[group] for group in part.get("groups", ()))


def _source(case: Case, part: Document) -> bool:
    wallet = case.facts.wallet
    named = {"wallets": wallet.name, "tiers": wallet.tier, "accounts": wallet.account}
    return all(named[each] in names for each, names in part.items())


def _destination(case: Case, part: Document) -> bool:
    standing = {name: terms for name, terms in part.items() if terms is not False}
    if not standing:
        return True
    account = case.act.destination
    return (
        account in standing.get("accounts", ())
        or _listed(case, standing)
        or ("own_wallets" in standing and case.facts.own_and_usable(account))
        or ("one_time" in standing and _one_time(case))
    )


def _listed(case: Case, part: Document) -> bool:
    wait = 1000 * part.get("listed_for", 0)
    return any(
        row.list in part.get("listed", ())
        and row.usable + wait <= case.facts.earliest
        and ("tags" not in part or not row.tags.isdisjoint(part["tags"]))
        for row in case.facts.rows(case.act.destination)
    )


def _one_time(case: Case) -> bool:
    facts, account = case.facts, case.act.destination
    return facts.own(account) is None and not any(row.usable <= facts.earliest for row in facts.rows(account))


def _operation(case: Case, shapes: list[Any] | None, *, denying: bool) -> bool:
    if shapes is None:
        return denying or case.act.fits("transfer", case.facts)
    return any(case.act.fits(shape, case.facts) for shape in shapes)


def _between(amount: int, bounds: Document) -> bool:
    return int(bounds.get("min", 0)) <= amount and ("max" not in bounds or amount <= int(bounds["max"]))
