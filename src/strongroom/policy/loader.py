"""From the policy document to the model, refusing what is malformed, unsatisfiable or unreachable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.documents.amount import parse_amount
from strongroom.documents.canonical import MAX_INTEGER, fields
from strongroom.documents.credentials import Credential
from strongroom.documents.names import parse_account, parse_asset, parse_chain, parse_label, parse_slug
from strongroom.errors import InvalidInput
from strongroom.policy.model import (
    AddressGroup,
    Allowance,
    ApprovalNeed,
    Asset,
    ChainTerms,
    Condition,
    Duty,
    Limit,
    Member,
    Node,
    OverTime,
    Per,
    Policy,
    Quorum,
    Role,
    Rule,
    Tier,
    WindowShape,
    window_shapes,
)

FORMAT = "strongroom.policy.v1"
FOLD_RULES = 1
PLACEMENT = ("provider", "region", "jurisdiction", "site")
LONGEST_WINDOW = 366 * 86400


def load_policy(document: Mapping[str, Any]) -> Policy:
    """Parse and check one policy document; raises InvalidInput `policy.*` naming the offending part."""
    required = {
        "format": str, "fold": int, "version": int, "label": str, "expires": int, "cool_down": int, "people": dict,
        "administrators": dict, "groups": dict, "freezers": str, "witnesses": dict, "coordinator": dict, "tiers": dict,
        "chains": dict, "assets": dict, "address_groups": dict, "wallet_age": int, "limits": list, "rules": list,
    }  # fmt: skip
    doc = fields(document, "policy", required)
    if doc["format"] != FORMAT or doc["fold"] != FOLD_RULES:
        raise InvalidInput("policy.format", f"this release reads {FORMAT} with fold rules {FOLD_RULES}")
    members = {parse_slug(name): _member(name, spec) for name, spec in doc["people"].items()}
    groups = {parse_slug(name): _people(f"group '{name}'", names, members) for name, names in doc["groups"].items()}
    if doc["freezers"] not in groups:
        raise InvalidInput(
            "policy.group_unknown", f"freezers names the group '{doc['freezers']}', which does not exist"
        )
    witnesses = fields(doc["witnesses"], "policy.witnesses", {"faults": int, "nodes": dict})
    nodes = {parse_slug(name): _node(name, spec) for name, spec in witnesses["nodes"].items()}
    assets = {parse_asset(name): _asset(name, spec) for name, spec in doc["assets"].items()}
    chains = {parse_chain(name): _chain(name, spec) for name, spec in doc["chains"].items()}
    limits = tuple(_limit(f"limit {i + 1}", spec) for i, spec in enumerate(doc["limits"]))
    rules = tuple(_rule(i, spec) for i, spec in enumerate(doc["rules"]))
    policy = Policy(
        version=_count("version", doc["version"], 1),
        label=parse_label(doc["label"]),
        expires=_count("expires", doc["expires"], 1),
        cool_down=_count("cool_down", doc["cool_down"], most=LONGEST_WINDOW),
        members=members,
        administrators=_quorum("administrators", doc["administrators"], members),
        groups=groups,
        freezers=groups[doc["freezers"]],
        faults=_count("witnesses.faults", witnesses["faults"]),
        nodes=nodes,
        coordinator=Credential.from_doc(doc["coordinator"]),
        tiers={parse_slug(name): _tier(name, spec) for name, spec in doc["tiers"].items()},
        chains=chains,
        assets=assets,
        address_groups={parse_slug(n): _address_group(n, spec, groups) for n, spec in doc["address_groups"].items()},
        wallet_age=_count("wallet_age", doc["wallet_age"]),
        limits=limits,
        rules=rules,
        window_shapes=window_shapes(limits, chains.values(), rules),
        document=document,
    )
    _check_credentials(policy)
    _check_witnesses(policy)
    _check_rules(policy)
    return policy


def _count(where: str, value: int, least: int = 0, most: int = MAX_INTEGER) -> int:
    if not least <= value <= most:
        raise InvalidInput("policy.range", f"policy {where} must be {least} to {most}, not {value}")
    return value


def _strings(where: str, value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or len(set(value)) != len(value):
        raise InvalidInput("policy.list", f"policy {where} must be a list of different strings")
    return frozenset(value)


def _people(where: str, value: object, members: Mapping[str, Member]) -> frozenset[str]:
    names = _strings(where, value)
    for name in sorted(names - members.keys()):
        raise InvalidInput("policy.person_unknown", f"{where} names '{name}', who is not among the people")
    return names


def _member(name: str, spec: object) -> Member:
    doc = fields(spec, f"policy.people.{name}", {"role": str, "keys": list})
    credentials = [Credential.from_doc(key) for key in doc["keys"]]
    if doc["role"] not in tuple(Role) or not credentials:
        raise InvalidInput("policy.member", f"'{name}' needs role person or service, and at least one key")
    return Member(name, Role(doc["role"]), {c.key_id: c for c in credentials})


def _node(name: str, spec: object) -> Node:
    doc = fields(spec, f"policy.witnesses.nodes.{name}", {"duty": str, "key": dict, "placement": dict})
    placement = fields(doc["placement"], f"placement of {name}", dict.fromkeys(PLACEMENT, str))
    if doc["duty"] not in tuple(Duty):
        raise InvalidInput("policy.duty", f"node '{name}' must be signer or guardian")
    return Node(name, Duty(doc["duty"]), Credential.from_doc(doc["key"]), placement)


def _quorum(where: str, spec: object, members: Mapping[str, Member]) -> Quorum:
    doc = fields(spec, f"policy.{where}", {"members": list, "threshold": int})
    quorum = Quorum(_people(where, doc["members"], members), _count(f"{where}.threshold", doc["threshold"], 1))
    if any(members[name].role is not Role.PERSON for name in quorum.members):
        raise InvalidInput("policy.service_administers", f"{where} must be people, not services")
    if quorum.threshold > len(quorum.members):
        raise InvalidInput("policy.quorum_unmet", f"{where} asks {quorum.threshold} of {len(quorum.members)} people")
    return quorum


def _tier(name: str, spec: object) -> Tier:
    doc = fields(spec, f"policy.tiers.{name}", {"checkpoint_age": int, "schemes": list})
    return Tier(_count("checkpoint_age", doc["checkpoint_age"], 1), _strings(f"tiers.{name}.schemes", doc["schemes"]))


def _window(where: str, doc: Mapping[str, Any], *, fees_only: bool = False, per: str) -> WindowShape:
    seconds = _count(f"{where}.seconds", doc["seconds"], 1)
    if seconds > LONGEST_WINDOW or per not in tuple(Per):
        raise InvalidInput("policy.window", f"{where}: a window is at most 366 days, per {', '.join(Per)}")
    return WindowShape(parse_asset(doc["asset"]), seconds, Per(per), fees_only)


def _chain(name: str, spec: object) -> ChainTerms:
    doc = fields(spec, f"policy.chains.{name}", {"confirmations": int, "native": str, "fee_window": dict})
    fees = fields(doc["fee_window"], f"fee window of {name}", {"seconds": int, "max": str})
    shape = _window(f"chains.{name}", {**fees, "asset": doc["native"]}, fees_only=True, per=Per.SOURCE)
    if not shape.asset.startswith(name + "/"):
        raise InvalidInput("policy.asset_chain", f"{shape.asset} is not on chain {name}")
    limit = Limit(f"fees on {name}", shape, parse_amount(fees["max"]))
    return ChainTerms(_count("confirmations", doc["confirmations"], 1), shape.asset, limit)


def _asset(name: str, spec: object) -> Asset:
    doc = fields(spec, f"policy.assets.{name}", {"symbol": str, "decimals": int})
    if not 0 <= doc["decimals"] <= 77:
        raise InvalidInput("policy.range", f"asset {name}: decimals must be 0 to 77")
    return Asset(parse_label(doc["symbol"]), doc["decimals"])


def _address_group(name: str, spec: object, groups: Mapping[str, frozenset[str]]) -> AddressGroup:
    doc = fields(spec, f"policy.address_groups.{name}", {"group": str, "threshold": int, "age": int})
    members = groups.get(doc["group"], frozenset())
    if not 1 <= doc["threshold"] <= len(members):
        raise InvalidInput(
            "policy.quorum_unmet", f"address group '{name}' asks {doc['threshold']} of {len(members)} people"
        )
    return AddressGroup(Quorum(members, doc["threshold"]), _count("age", doc["age"]))


def _limit(where: str, spec: object) -> Limit:
    doc = fields(spec, f"policy.{where}", {"name": str, "asset": str, "seconds": int, "per": str, "max": str})
    return Limit(parse_label(doc["name"]), _window(where, doc, per=doc["per"]), parse_amount(doc["max"]))


def _rule(index: int, spec: object) -> Rule:
    where = f"rule {index + 1}"
    doc = fields(spec, f"policy.{where}", {"name": str, "when": dict}, {"allow": dict, "deny": str})
    if ("allow" in doc) == ("deny" in doc):
        raise InvalidInput("policy.rule", f"{where} must say either allow or deny")
    name = parse_label(doc["name"])
    if "deny" in doc:
        return Rule(name, _condition(where, doc["when"]), None, parse_label(doc["deny"]))
    return Rule(name, _condition(where, doc["when"]), _allowance(where, doc["allow"]))


def _condition(where: str, spec: object) -> Condition:
    shape = {
        "initiator": dict,
        "source": dict,
        "destination": dict,
        "asset": list,
        "amount": dict,
        "over_time": list,
    }
    doc = fields(spec, f"policy.{where}.when", {}, shape)
    who = fields(doc.get("initiator", {}), f"{where}.initiator", {}, {"members": list, "groups": list})
    source = fields(doc.get("source", {}), f"{where}.source", {}, {"wallets": list, "tiers": list})
    to_shape = {"accounts": list, "listed": list, "own_wallets": bool}
    to = fields(doc.get("destination", {}), f"{where}.destination", {}, to_shape)
    amount = fields(doc.get("amount", {}), f"{where}.amount", {}, {"min": str, "max": str})

    def names(part: Mapping[str, Any], key: str) -> frozenset[str] | None:
        return _strings(f"{where}.{key}", part[key]) if key in part else None

    accounts, assets = names(to, "accounts"), names(doc, "asset")
    return Condition(
        initiators=names(who, "members"),
        initiator_groups=names(who, "groups"),
        wallets=names(source, "wallets"),
        tiers=names(source, "tiers"),
        accounts=None if accounts is None else frozenset(parse_account(a) for a in accounts),
        listed=names(to, "listed"),
        own_wallets=to.get("own_wallets", False),
        assets=None if assets is None else frozenset(parse_asset(a) for a in assets),
        amount_min=parse_amount(amount["min"]) if "min" in amount else None,
        amount_max=parse_amount(amount["max"]) if "max" in amount else None,
        over_time=tuple(_over(where, spec) for spec in doc.get("over_time", [])),
    )


def _over(where: str, spec: object) -> OverTime:
    doc = fields(spec, f"policy.{where}.over_time", {"seconds": int, "per": str, "max": str})
    if not 1 <= doc["seconds"] <= LONGEST_WINDOW or doc["per"] not in tuple(Per):
        raise InvalidInput("policy.window", f"{where}: a window is at most 366 days, per {', '.join(Per)}")
    return OverTime(doc["seconds"], Per(doc["per"]), parse_amount(doc["max"]))


def _allowance(where: str, spec: object) -> Allowance:
    required = {
        "approvals": list,
        "initiator_may_approve": bool,
        "delay": int,
        "expiry": int,
        "fee_ceiling": str,
    }
    doc = fields(spec, f"policy.{where}.allow", required)
    alternatives = []
    for alternative in doc["approvals"]:
        if not isinstance(alternative, list) or not alternative:
            raise InvalidInput(
                "policy.approvals", f"{where}: approvals is a list of alternatives, each a list of groups"
            )
        needs = [fields(need, f"{where}.approvals", {"group": str, "threshold": int}) for need in alternative]
        alternatives.append(tuple(ApprovalNeed(n["group"], _count("threshold", n["threshold"], 1)) for n in needs))
    return Allowance(
        approvals=tuple(alternatives),
        initiator_may_approve=doc["initiator_may_approve"],
        delay=_count("delay", doc["delay"]),
        expiry=_count("expiry", doc["expiry"], 1),
        fee_ceiling=parse_amount(doc["fee_ceiling"]),
    )


def _check_credentials(policy: Policy) -> None:
    """A key speaks for one name only (a cosigner is its full public key, once)."""
    holders: dict[str, str] = {policy.coordinator.key_id: "the coordinator"}
    named: list[tuple[str, Credential]] = [(m.name, c) for m in policy.members.values() for c in m.credentials.values()]
    named += [(node.name, node.credential) for node in policy.nodes.values()]
    for name, credential in named:
        other = holders.setdefault(credential.key_id, name)
        if other != name:
            raise InvalidInput("policy.key_twice", f"'{name}' and '{other}' have the same key {credential.key_id[:12]}")
    for name in sorted(policy.members.keys() & policy.nodes.keys() | {"coordinator"} & {name for name, _ in named}):
        raise InvalidInput("policy.name_twice", f"'{name}' is both a person and a node, or the coordinator's name")


def _check_witnesses(policy: Policy) -> None:
    n, f, q = len(policy.nodes), policy.faults, policy.witness_quorum
    if n - f < q or f < 1:
        raise InvalidInput("policy.witnesses", f"{n} witnesses with {f} bad ones cannot reach the quorum of {q}")


def _check_rules(policy: Policy) -> None:
    """Every name exists, every quorum can be met, and no rule stands behind one that always matches."""
    always = ""
    for rule in policy.rules:
        c, where = rule.condition, f"rule '{rule.name}'"
        if always:
            raise InvalidInput("policy.rule_unreachable", f"{where} can never match: rule '{always}' always does")
        if c == Condition():
            always = rule.name
        for name in sorted((c.initiators or frozenset()) - policy.members.keys()):
            raise InvalidInput("policy.person_unknown", f"{where} names '{name}', who is not among the people")
        for name in sorted((c.initiator_groups or frozenset()) - policy.groups.keys()):
            raise InvalidInput("policy.group_unknown", f"{where} names the group '{name}', which does not exist")
        for name in sorted((c.tiers or frozenset()) - policy.tiers.keys()):
            raise InvalidInput("policy.tier_unknown", f"{where} names the tier '{name}', which does not exist")
        for name in sorted((c.listed or frozenset()) - policy.address_groups.keys()):
            raise InvalidInput("policy.list_unknown", f"{where} names the address group '{name}', which does not exist")
        for asset in sorted((c.assets or frozenset()) - policy.assets.keys()):
            raise InvalidInput("policy.asset_unknown", f"{where} names {asset}, which is not among the assets")
        counted = c.amount_min is not None or c.amount_max is not None or bool(c.over_time)
        if counted and (c.assets is None or len(c.assets) != 1):
            raise InvalidInput("policy.amount_asset", f"{where} bounds amounts, so it must name exactly one asset")
        if c.amount_min is not None and c.amount_max is not None and c.amount_min > c.amount_max:
            raise InvalidInput(
                "policy.rule_unreachable", f"{where} can never match: its least amount is above its greatest"
            )
        if rule.allowance is None and (c.listed is not None or c.own_wallets or c.over_time):
            raise InvalidInput(
                "policy.deny_lapses",
                f"{where} denies by a list, own wallets or a window: a delisting, a closing or spending would lift it",
            )
        for needs in rule.allowance.approvals if rule.allowance else ():
            for need in needs:
                if need.threshold > len(policy.groups.get(need.group, ())):
                    raise InvalidInput("policy.quorum_unmet", f"{where} asks {need.threshold} people of '{need.group}'")
    for limit in policy.limits:
        if limit.window.asset not in policy.assets:
            raise InvalidInput(
                "policy.asset_unknown",
                f"limit '{limit.name}' names {limit.window.asset}, not among the assets",
            )
    for terms in policy.chains.values():
        if terms.native not in policy.assets:
            raise InvalidInput("policy.asset_unknown", f"the native asset {terms.native} is not among the assets")
