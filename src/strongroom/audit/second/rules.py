"""The verdict: the first rule that holds, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from strongroom.audit.second.facts import Document, Facts
from strongroom.audit.second.history import History
from strongroom.audit.second.intent import Act, act_of
from strongroom.audit.second.spending import Spending, debit_of
from strongroom.audit.second.values import unpriced
from strongroom.documents.canonical import digest

_OWED: Final = ("approvals", "initiator_may_approve", "delay", "expiry", "fee_ceiling")
_OWED_2: Final = {"surface": "console", "device_bound": False, "keys": None, "screening": None}


@dataclass(frozen=True, slots=True)
class Opinion:
    """Denied with a code, or allowed (no code) with obligations; `rule` decided, if one did."""

    code: str
    rule: str = ""
    obligations: Document | None = None

    @property
    def digest(self) -> str:
        """What approvers sign: SHA-256 (hex) of the obligations' canonical form; empty when denied."""
        return digest(dict(self.obligations)) if self.obligations is not None else ""


def decide(policy: Document, facts: Facts, history: History) -> Opinion:
    """The verdict of the policy, limits aside, with the sums of a history."""
    act = act_of(policy, facts)
    if isinstance(act, str):
        return Opinion(act)
    if act.asset not in policy["assets"]:
        return Opinion("policy.asset_unknown")
    case = _Case(policy, facts, act, history)
    for rule in policy["rules"]:
        if not case.plainly(rule):
            continue
        code = unpriced(policy, facts, case.priced(rule["when"]))
        if code:
            return Opinion(code, rule["name"])
        if not case.valued(rule["when"]):
            continue
        if "deny" in rule:
            return Opinion("policy.denied", rule["name"])
        keys = rule["allow"].get("keys")
        if keys is not None and facts.wallet.key not in keys:
            return Opinion("policy.key_not_allowed", rule["name"])
        return Opinion("", rule["name"], _obligations(policy, rule))
    return Opinion("policy.no_rule")


def _obligations(policy: Document, rule: Document) -> Document:
    allow = rule["allow"]
    owed = {"rule": rule["name"], **{term: allow[term] for term in _OWED}}
    return owed if policy["fold"] == 1 else {**owed, **{term: allow.get(term, _OWED_2[term]) for term in _OWED_2}}


class _Case:
    """One intent before one policy: which parts of a rule hold."""

    def __init__(self, policy: Document, facts: Facts, act: Act, history: History) -> None:
        self._policy, self._facts, self._act = policy, facts, act
        self._debit = debit_of(policy, facts, act)
        self._spending = Spending(self._debit, history)

    def plainly(self, rule: Document) -> bool:
        """Whether all parts hold that need no prices."""
        when = rule["when"]
        return (
            self._initiator(when.get("initiator", {}))
            and self._source(when.get("source", {}))
            and self._destination(when.get("destination", {}))
            and ("asset" not in when or self._act.asset in when["asset"])
            and self._operation(when.get("operation"), denying="deny" in rule)
            and _between(self._act.amount, when.get("amount", {}))
            and all(
                self._spending.keeps(each, each["max"], "amounts", each["per"], self._act.asset)
                for each in when.get("over_time", ())
                if "max" in each
            )
        )

    def priced(self, when: Document) -> list[str]:
        """The assets whose prices the other parts need."""
        summed = any("max_value" in each for each in when.get("over_time", ()))
        needed = [self._act.asset] if summed or "value" in when else []
        return [*needed, self._debit.native] if summed and self._debit.fee else needed

    def valued(self, when: Document) -> bool:
        """Whether the parts hold that need prices."""
        if "value" in when and not _between(self._debit.value, when["value"]):
            return False
        return all(
            self._spending.keeps(each, each["max_value"], "values", each["per"])
            for each in when.get("over_time", ())
            if "max_value" in each
        )

    def _initiator(self, part: Document) -> bool:
        if not part:
            return True
        groups = (self._policy["groups"][name] for name in part.get("groups", ()))
        name = self._facts.initiator
        return name in part.get("members", ()) or any(name in members for members in groups)

    def _source(self, part: Document) -> bool:
        wallet = self._facts.wallet
        named = {"wallets": wallet.name, "tiers": wallet.tier, "accounts": wallet.account}
        return all(named[each] in names for each, names in part.items())

    def _destination(self, part: Document) -> bool:
        standing = {name: terms for name, terms in part.items() if terms is not False}
        if not standing:
            return True
        facts, account = self._facts, self._act.destination
        return (
            account in standing.get("accounts", ())
            or self._listed(standing)
            or ("own_wallets" in standing and facts.own_and_usable(account))
            or ("one_time" in standing and self._one_time())
        )

    def _listed(self, part: Document) -> bool:
        wait = 1000 * part.get("listed_for", 0)
        return any(
            row.list in part.get("listed", ())
            and row.usable + wait <= self._facts.earliest
            and ("tags" not in part or not row.tags.isdisjoint(part["tags"]))
            for row in self._facts.rows(self._act.destination)
        )

    def _one_time(self) -> bool:
        facts, account = self._facts, self._act.destination
        return facts.own(account) is None and not any(row.usable <= facts.earliest for row in facts.rows(account))

    def _operation(self, shapes: list[Any] | None, *, denying: bool) -> bool:
        if shapes is None:
            return denying or self._act.fits("transfer", self._facts)
        return any(self._act.fits(shape, self._facts) for shape in shapes)


def _between(amount: int, bounds: Document) -> bool:
    return int(bounds.get("min", 0)) <= amount and ("max" not in bounds or amount <= int(bounds["max"]))
