"""From the policy document to the model, refusing what is malformed, unsatisfiable or unreachable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from strongroom.documents.amount import parse_amount
from strongroom.documents.canonical import MAX_INTEGER, fields
from strongroom.documents.credentials import Credential, Kind, plain_key
from strongroom.documents.names import parse_account, parse_asset, parse_chain, parse_label, parse_slug
from strongroom.errors import InvalidInput
from strongroom.policy import model
from strongroom.policy.model import Condition, Duty, Per, Policy, Role, WindowShape

_KINDS: Final = {Role.PERSON: {Kind.ED25519, Kind.WEBAUTHN}, Role.SERVICE: {Kind.ED25519, Kind.RS256}}
FORMAT = "strongroom.policy.v1"
FOLD_RULES = 1
PLACEMENT = ("provider", "region", "jurisdiction", "site")
LONGEST_WINDOW = 366 * 86400

_POLICY: Final = {
    "format": str, "fold": int, "version": int, "label": str, "expires": int, "cool_down": int, "people": dict,
    "administrators": dict, "groups": dict, "freezers": str, "witnesses": dict, "coordinator": dict, "tiers": dict,
    "chains": dict, "assets": dict, "address_groups": dict, "wallet_age": int, "limits": list, "rules": list,
}  # fmt: skip
_CONDITION: Final = {
    "initiator": dict, "source": dict, "destination": dict, "asset": list, "amount": dict, "over_time": list,
}  # fmt: skip
_ALLOWANCE: Final = {
    "approvals": list, "initiator_may_approve": bool, "delay": int, "expiry": int, "fee_ceiling": str,
}  # fmt: skip


def load_policy(document: Mapping[str, Any]) -> Policy:
    """Parse and check one policy document; raises InvalidInput `policy.*` naming the offending part."""
    doc = fields(document, "policy", _POLICY)
    if doc["format"] != FORMAT or doc["fold"] != FOLD_RULES:
        raise InvalidInput("policy.format", f"this release reads {FORMAT} with fold rules {FOLD_RULES}")
    members = {parse_slug(name): _member(name, spec, doc["fold"]) for name, spec in doc["people"].items()}
    groups = {parse_slug(name): _people(f"group '{name}'", names, members) for name, names in doc["groups"].items()}
    _known("policy.group_unknown", "freezers", [doc["freezers"]], groups)
    witnesses = fields(doc["witnesses"], "policy.witnesses", {"faults": int, "nodes": dict})
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
        nodes={parse_slug(name): _node(name, spec) for name, spec in witnesses["nodes"].items()},
        coordinator=plain_key(doc["coordinator"]),
        tiers={parse_slug(name): _tier(name, spec) for name, spec in doc["tiers"].items()},
        chains=chains,
        assets={parse_asset(name): _asset(name, spec) for name, spec in doc["assets"].items()},
        address_groups={parse_slug(n): _address_group(n, spec, groups) for n, spec in doc["address_groups"].items()},
        wallet_age=_count("wallet_age", doc["wallet_age"]),
        limits=limits,
        rules=rules,
        window_shapes=model.window_shapes(limits, chains.values(), rules),
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


def _known(code: str, where: str, names: Iterable[str] | None, among: Collection[str]) -> None:
    """Raises InvalidInput with the code for a name that the policy does not define."""
    for name in sorted(set(names or ()).difference(among)):
        raise InvalidInput(code, f"{where} names '{name}', which the policy does not define")


def _people(where: str, value: object, members: Mapping[str, model.Member]) -> frozenset[str]:
    names = _strings(where, value)
    _known("policy.person_unknown", where, names, members)
    return names


def _member(name: str, spec: object, fold: int) -> model.Member:
    doc = fields(spec, f"policy.people.{name}", {"role": str, "keys": list})
    credentials = [(Credential.from_doc if fold > 1 else plain_key)(key) for key in doc["keys"]]
    if doc["role"] not in tuple(Role) or not credentials:
        raise InvalidInput("policy.member", f"'{name}' needs role person or service, and at least one key")
    if not {key.kind for key in credentials} <= _KINDS[Role(doc["role"])]:
        raise InvalidInput("policy.key_kind", f"'{name}' has a key that no {doc['role']} may hold")
    if len({key.key_id for key in credentials}) < len(set(credentials)):
        raise InvalidInput("policy.key_twice", f"'{name}' has one key in two forms")
    return model.Member(name, Role(doc["role"]), {c.key_id: c for c in credentials})


def _node(name: str, spec: object) -> model.Node:
    doc = fields(spec, f"policy.witnesses.nodes.{name}", {"duty": str, "key": dict, "placement": dict})
    placement = fields(doc["placement"], f"placement of {name}", dict.fromkeys(PLACEMENT, str))
    if doc["duty"] not in tuple(Duty):
        raise InvalidInput("policy.duty", f"node '{name}' must be signer or guardian")
    return model.Node(name, Duty(doc["duty"]), plain_key(doc["key"]), placement)


def _quorum(where: str, spec: object, members: Mapping[str, model.Member]) -> model.Quorum:
    doc = fields(spec, f"policy.{where}", {"members": list, "threshold": int})
    quorum = model.Quorum(_people(where, doc["members"], members), _count(f"{where}.threshold", doc["threshold"], 1))
    if any(members[name].role is not Role.PERSON for name in quorum.members):
        raise InvalidInput("policy.service_administers", f"{where} must be people, not services")
    if quorum.threshold > len(quorum.members):
        raise InvalidInput("policy.quorum_unmet", f"{where} asks {quorum.threshold} of {len(quorum.members)} people")
    return quorum


def _tier(name: str, spec: object) -> model.Tier:
    doc = fields(spec, f"policy.tiers.{name}", {"checkpoint_age": int, "schemes": list})
    return model.Tier(
        _count("checkpoint_age", doc["checkpoint_age"], 1), _strings(f"tiers.{name}.schemes", doc["schemes"])
    )


def _per(where: str, doc: Mapping[str, Any]) -> Per:
    if not 1 <= doc["seconds"] <= LONGEST_WINDOW or doc["per"] not in tuple(Per):
        raise InvalidInput("policy.window", f"{where}: a window is 1 s to 366 days, per {', '.join(Per)}")
    return Per(doc["per"])


def _chain(name: str, spec: object) -> model.ChainTerms:
    doc = fields(spec, f"policy.chains.{name}", {"confirmations": int, "native": str, "fee_window": dict})
    fees = fields(doc["fee_window"], f"fee window of {name}", {"seconds": int, "max": str})
    native, per = parse_asset(doc["native"]), _per(f"chains.{name}", {**fees, "per": Per.SOURCE})
    if not native.startswith(name + "/"):
        raise InvalidInput("policy.asset_chain", f"{native} is not on chain {name}")
    window = WindowShape(native, fees["seconds"], per, fees_only=True)
    limit = model.Limit(f"fees on {name}", window, parse_amount(fees["max"]))
    return model.ChainTerms(_count("confirmations", doc["confirmations"], 1), native, limit)


def _asset(name: str, spec: object) -> model.Asset:
    doc = fields(spec, f"policy.assets.{name}", {"symbol": str, "decimals": int})
    if not 0 <= doc["decimals"] <= 77:
        raise InvalidInput("policy.range", f"asset {name}: decimals must be 0 to 77")
    return model.Asset(parse_label(doc["symbol"]), doc["decimals"])


def _address_group(name: str, spec: object, groups: Mapping[str, frozenset[str]]) -> model.AddressGroup:
    where, shape = f"address group '{name}'", {"group": str, "threshold": int, "age": int}
    doc = fields(spec, where, shape)
    members = groups.get(doc["group"], frozenset())
    if not 1 <= doc["threshold"] <= len(members):
        raise InvalidInput("policy.quorum_unmet", f"{where} asks {doc['threshold']} of {len(members)} people")
    return model.AddressGroup(model.Quorum(members, doc["threshold"]), _count("age", doc["age"]))


def _limit(where: str, spec: object) -> model.Limit:
    doc = fields(spec, f"policy.{where}", {"name": str, "asset": str, "seconds": int, "per": str, "max": str})
    window = WindowShape(parse_asset(doc["asset"]), doc["seconds"], _per(where, doc))
    return model.Limit(parse_label(doc["name"]), window, parse_amount(doc["max"]))


def _rule(index: int, spec: object) -> model.Rule:
    where = f"rule {index + 1}"
    doc = fields(spec, f"policy.{where}", {"name": str, "when": dict}, {"allow": dict, "deny": str})
    if ("allow" in doc) == ("deny" in doc):
        raise InvalidInput("policy.rule", f"{where} must say either allow or deny")
    condition = _condition(where, doc["when"])
    if "deny" in doc:
        return model.Rule(parse_label(doc["name"]), condition, None, parse_label(doc["deny"]))
    return model.Rule(parse_label(doc["name"]), condition, _allowance(where, doc["allow"]))


def _condition(where: str, spec: object) -> Condition:
    doc = fields(spec, f"policy.{where}.when", {}, _CONDITION)

    def part(name: str, **shape: type) -> dict[str, Any]:
        return fields(doc.get(name, {}), f"{where}.{name}", {}, shape)

    def names(part: Mapping[str, Any], key: str, parse: Callable[[str], Any] = str) -> frozenset[Any] | None:
        return frozenset(map(parse, _strings(f"{where}.{key}", part[key]))) if key in part else None

    who, source = part("initiator", members=list, groups=list), part("source", wallets=list, tiers=list)
    to, amount = part("destination", accounts=list, listed=list, own_wallets=bool), part("amount", min=str, max=str)
    return Condition(
        initiators=names(who, "members"),
        initiator_groups=names(who, "groups"),
        wallets=names(source, "wallets"),
        tiers=names(source, "tiers"),
        accounts=names(to, "accounts", parse_account),
        listed=names(to, "listed"),
        own_wallets=to.get("own_wallets", False),
        assets=names(doc, "asset", parse_asset),
        amount_min=parse_amount(amount["min"]) if "min" in amount else None,
        amount_max=parse_amount(amount["max"]) if "max" in amount else None,
        over_time=tuple(_over(where, over) for over in doc.get("over_time", [])),
    )


def _over(where: str, spec: object) -> model.OverTime:
    doc = fields(spec, f"policy.{where}.over_time", {"seconds": int, "per": str, "max": str})
    return model.OverTime(doc["seconds"], _per(where, doc), parse_amount(doc["max"]))


def _allowance(where: str, spec: object) -> model.Allowance:
    doc = fields(spec, f"policy.{where}.allow", _ALLOWANCE)
    return model.Allowance(
        approvals=tuple(_needs(where, alternative) for alternative in doc["approvals"]),
        initiator_may_approve=doc["initiator_may_approve"],
        delay=_count("delay", doc["delay"]),
        expiry=_count("expiry", doc["expiry"], 1),
        fee_ceiling=parse_amount(doc["fee_ceiling"]),
    )


def _needs(where: str, alternative: object) -> tuple[model.ApprovalNeed, ...]:
    if not isinstance(alternative, list) or not alternative:
        raise InvalidInput("policy.approvals", f"{where}: approvals is a list of alternatives, each a list of groups")
    needs = [fields(need, f"{where}.approvals", {"group": str, "threshold": int}) for need in alternative]
    return tuple(model.ApprovalNeed(n["group"], _count("threshold", n["threshold"], 1)) for n in needs)


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
        _known("policy.person_unknown", where, c.initiators, policy.members)
        _known("policy.group_unknown", where, c.initiator_groups, policy.groups)
        _known("policy.tier_unknown", where, c.tiers, policy.tiers)
        _known("policy.list_unknown", where, c.listed, policy.address_groups)
        _known("policy.asset_unknown", where, c.assets, policy.assets)
        counted = c.amount_min is not None or c.amount_max is not None or bool(c.over_time)
        if counted and (c.assets is None or len(c.assets) != 1):
            raise InvalidInput("policy.amount_asset", f"{where} bounds amounts, so it must name exactly one asset")
        if c.amount_min is not None and c.amount_max is not None and c.amount_min > c.amount_max:
            raise InvalidInput(
                "policy.rule_unreachable", f"{where} can never match: it asks at least more than at most"
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
        _known("policy.asset_unknown", f"limit '{limit.name}'", [limit.window.asset], policy.assets)
    _known("policy.asset_unknown", "chains", [terms.native for terms in policy.chains.values()], policy.assets)
