"""The opinion: the first rule that holds decides, limits may deny what it allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from strongroom.audit.second.conditions import plainly, priced, valued
from strongroom.audit.second.facts import Document, Facts
from strongroom.audit.second.history import Debit, History
from strongroom.audit.second.intent import act_of
from strongroom.audit.second.limits import exceeded
from strongroom.audit.second.spending import Case, debit_of
from strongroom.audit.second.values import unpriced
from strongroom.documents.canonical import digest

_OWED: Final = ("approvals", "initiator_may_approve", "delay", "expiry", "fee_ceiling")
_OWED_2: Final = {"surface": "console", "device_bound": False, "keys": None, "screening": None}


@dataclass(frozen=True, slots=True)
class Opinion:
    """Denied by the rules with a code, or allowed (no code) with obligations; `rule` decided, if one did.

    `limit` is the code of the limit that denies; `debit` what the transfer takes, None if it comes to nothing.
    """

    code: str
    rule: str = ""
    obligations: Document | None = None
    limit: str = ""
    debit: Debit | None = None

    @property
    def digest(self) -> str:
        """What approvers sign: SHA-256 (hex) of the obligations' canonical form; empty when denied."""
        return digest(dict(self.obligations)) if self.obligations is not None else ""


def decide(policy: Document, facts: Facts, history: History) -> Opinion:
    """What the policy says to an intent, with the sums of a history."""
    act = act_of(policy, facts)
    if isinstance(act, str):
        return Opinion(act)
    case = Case(policy, facts, act, debit_of(policy, facts, act), history)
    return replace(_verdict(case), limit=exceeded(case), debit=case.debit)


def _verdict(case: Case) -> Opinion:
    if case.act.asset not in case.policy["assets"]:
        return Opinion("policy.asset_unknown")
    for rule in case.policy["rules"]:
        when = rule["when"]
        if not plainly(case, when, denying="deny" in rule):
            continue
        code = unpriced(case.policy, case.facts, priced(case, when))
        if not code and not valued(case, when):
            continue
        code = code or ("policy.denied" if "deny" in rule else _barred(case, rule["allow"]))
        return Opinion(code, rule["name"], None if code else _obligations(case.policy, rule))
    return Opinion("policy.no_rule")


def _barred(case: Case, allow: Document) -> str:
    keys = allow.get("keys")
    return "" if keys is None or case.facts.wallet.key in keys else "policy.key_not_allowed"


def _obligations(policy: Document, rule: Document) -> Document:
    allow = rule["allow"]
    owed = {"rule": rule["name"], **{term: allow[term] for term in _OWED}}
    return owed if policy["fold"] == 1 else {**owed, **{term: allow.get(term, _OWED_2[term]) for term in _OWED_2}}
