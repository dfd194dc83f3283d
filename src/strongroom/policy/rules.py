"""Reading the ordered table: each rule's condition, what it allows or denies, and that it can match and be met."""

from __future__ import annotations

from typing import Any, Final

from strongroom.documents.amount import parse_amount
from strongroom.documents.canonical import fields
from strongroom.documents.credentials import Surface
from strongroom.documents.names import parse_account, parse_asset, parse_label, parse_slug
from strongroom.errors import InvalidInput
from strongroom.policy import model
from strongroom.policy.calls import CallShape, parse_shape
from strongroom.policy.model import TRANSFER, Condition, MessageShape, Policy, Role
from strongroom.policy.reading import bound, count, known, names, since, strings, window

_CONDITION: Final = {
    "initiator": dict, "source": dict, "destination": dict, "asset": list, "amount": dict, "over_time": list,
}  # fmt: skip
_ALLOWANCE: Final = {
    "approvals": list, "initiator_may_approve": bool, "delay": int, "expiry": int, "fee_ceiling": str,
}  # fmt: skip


def parse_rule(index: int, spec: object, fold: int) -> model.Rule:
    """The rule at a place of the table (from 0)."""
    where = f"rule {index + 1}"
    doc = fields(spec, f"policy.{where}", {"name": str, "when": dict}, {"allow": dict, "deny": str})
    if ("allow" in doc) == ("deny" in doc):
        raise InvalidInput("policy.rule", f"{where} must say either allow or deny")
    condition = _condition(where, doc["when"], fold)
    if "deny" in doc:
        return model.Rule(parse_label(doc["name"]), condition, None, parse_label(doc["deny"]))
    return model.Rule(parse_label(doc["name"]), condition, _allowance(where, doc["allow"], fold))


def _condition(where: str, spec: object, fold: int) -> Condition:
    doc = fields(spec, f"policy.{where}.when", {}, {**_CONDITION, **since(fold, operation=list, value=dict)})

    def part(name: str, **shape: Any) -> dict[str, Any]:
        return fields(doc.get(name, {}), f"{where}.{name}", {}, shape)

    who = part("initiator", members=list, groups=list)
    source = part("source", wallets=list, tiers=list, **since(fold, accounts=list))
    later = since(fold, one_time=bool, tags=list, listed_for=int)
    to = part("destination", accounts=list, listed=list, own_wallets=bool, **later)
    if "listed" not in to and ("tags" in to or "listed_for" in to):
        raise InvalidInput("policy.tags", f"{where}: tags and listed_for narrow what stands on lists: name them")
    amount, value = part("amount", min=str, max=str), part("value", min=str, max=str)
    return Condition(
        initiators=names(where, who, "members"), initiator_groups=names(where, who, "groups"),
        wallets=names(where, source, "wallets"), tiers=names(where, source, "tiers"),
        sources=names(where, source, "accounts", parse_account), accounts=names(where, to, "accounts", parse_account),
        listed=names(where, to, "listed"), tags=names(where, to, "tags", parse_slug),
        listed_for=count("listed_for", to.get("listed_for", 0)),
        own_wallets=to.get("own_wallets", False), one_time=to.get("one_time", False),
        assets=names(where, doc, "asset", parse_asset),
        operations=tuple(_operation(where, each) for each in doc["operation"]) if "operation" in doc else None,
        amount_min=bound(amount, "min"), amount_max=bound(amount, "max"),
        value_min=bound(value, "min"), value_max=bound(value, "max"),
        over_time=tuple(_over(where, over, fold) for over in doc.get("over_time", [])),
    )  # fmt: skip


def _operation(where: str, spec: object) -> model.Operation:
    if spec == "transfer":
        return TRANSFER
    doc = fields(spec, f"policy.{where}.operation", {}, {"call": dict, "message": str})
    if len(doc) != 1:
        raise InvalidInput("policy.operation", f'{where}: an operation is "transfer", a call or a message')
    return parse_shape(where, doc["call"]) if "call" in doc else MessageShape(doc["message"])


def _over(where: str, spec: object, fold: int) -> model.OverTime:
    values = fold > 1 and isinstance(spec, dict) and "max_value" in spec
    most = "max_value" if values else "max"
    doc = fields(spec, f"policy.{where}.over_time", {"seconds": int, "per": str, most: str})
    return model.OverTime(*window(where, doc["seconds"], doc["per"]), parse_amount(doc[most]), values)


def _allowance(where: str, spec: object, fold: int) -> model.Allowance:
    later = since(fold, surface=str, device_bound=bool, keys=list | None, screening=dict | None)
    doc = fields(spec, f"policy.{where}.allow", _ALLOWANCE, later)
    surface, keys, screening = doc.get("surface", Surface.CONSOLE), doc.get("keys"), doc.get("screening")
    if surface not in tuple(Surface):
        raise InvalidInput("policy.surface", f"{where}: a surface is {' or '.join(Surface)}")
    return model.Allowance(
        approvals=tuple(_needs(where, alternative) for alternative in doc["approvals"]),
        initiator_may_approve=doc["initiator_may_approve"],
        delay=count("delay", doc["delay"]), expiry=count("expiry", doc["expiry"], 1),
        fee_ceiling=parse_amount(doc["fee_ceiling"]),
        surface=Surface(surface), device_bound=doc.get("device_bound", False),
        keys=None if keys is None else tuple(map(parse_slug, strings(f"{where}.keys", keys))),
        screening=None if screening is None else _screening(where, screening),
        fold=fold,
    )  # fmt: skip


def _needs(where: str, alternative: object) -> tuple[model.ApprovalNeed, ...]:
    if not isinstance(alternative, list) or not alternative:
        raise InvalidInput("policy.approvals", f"{where}: approvals is a list of alternatives, each a list of groups")
    needs = [fields(need, f"{where}.approvals", {"group": str, "threshold": int}) for need in alternative]
    return tuple(model.ApprovalNeed(n["group"], count("threshold", n["threshold"], 1)) for n in needs)


def _screening(where: str, spec: object) -> model.Screening:
    doc = fields(spec, f"policy.{where}.screening", {"services": list, "max_age": int})
    return model.Screening(strings(f"{where}.services", doc["services"]), count("max_age", doc["max_age"], 1))


def check_rules(policy: Policy) -> None:
    """Every name exists, every quorum can be met, and no rule stands behind one that always matches."""
    always = ""
    for rule in policy.rules:
        c, where = rule.condition, f"rule '{rule.name}'"
        if always:
            raise InvalidInput("policy.rule_unreachable", f"{where} can never match: rule '{always}' always does")
        if c == Condition() and (rule.allowance is None or policy.fold == 1):
            always = rule.name
        known("policy.person_unknown", where, c.initiators, policy.members)
        known("policy.group_unknown", where, c.initiator_groups, policy.groups)
        known("policy.tier_unknown", where, c.tiers, policy.tiers)
        known("policy.list_unknown", where, c.listed, policy.address_groups)
        known("policy.asset_unknown", where, c.assets, policy.assets)
        messages = [each.name for each in c.operations or () if isinstance(each, MessageShape)]
        known("policy.message_unknown", where, messages, policy.messages)
        _check_bounds(policy, where, c)
        if rule.allowance is None:
            _check_denial(where, c)
        else:
            _check_allowance(policy, where, rule.allowance)


def _check_bounds(policy: Policy, where: str, c: Condition) -> None:
    counted = c.amount_min is not None or c.amount_max is not None or any(not over.values for over in c.over_time)
    if counted and (c.assets is None or len(c.assets) != 1):
        raise InvalidInput("policy.amount_asset", f"{where} bounds amounts, so it must name exactly one asset")
    for least, most in ((c.amount_min, c.amount_max), (c.value_min, c.value_max)):
        if least is not None and most is not None and least > most:
            raise InvalidInput(
                "policy.rule_unreachable", f"{where} can never match: it asks at least more than at most"
            )
    valued = c.value_min is not None or c.value_max is not None or any(over.values for over in c.over_time)
    if valued and policy.valuation is None:
        raise InvalidInput("policy.valuation_missing", f"{where} speaks of values, so somebody must state prices")


def _check_denial(where: str, c: Condition) -> None:
    calls = [each for each in c.operations or () if isinstance(each, CallShape)]
    own = c.own_wallets or any(constraint.own_wallet for call in calls for _, constraint in call.arguments)
    if c.listed is not None or own or c.over_time:
        raise InvalidInput(
            "policy.deny_lapses",
            f"{where} denies by a list, own wallets or a window: a delisting, a closing or spending would lift it",
        )


def _check_allowance(policy: Policy, where: str, terms: model.Allowance) -> None:
    for needs in terms.approvals:
        for need in needs:
            if need.threshold > len(policy.groups.get(need.group, ())):
                raise InvalidInput("policy.quorum_unmet", f"{where} asks {need.threshold} people of '{need.group}'")
    if terms.screening:
        services = [name for name, member in policy.members.items() if member.role is Role.SERVICE]
        known("policy.service_unknown", where, terms.screening.services, services)
        if not terms.screening.services:
            raise InvalidInput("policy.quorum_unmet", f"{where} asks a screening by no service")
    if terms.keys == ():
        raise InvalidInput("policy.rule_unreachable", f"{where} lets no key sign")
