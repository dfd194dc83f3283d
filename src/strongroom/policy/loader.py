"""From the policy document to the model, refusing what is malformed, unsatisfiable or unreachable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from strongroom.documents.canonical import fields
from strongroom.documents.credentials import Credential, Kind, plain_key
from strongroom.documents.names import parse_asset, parse_chain, parse_label, parse_slug
from strongroom.errors import InvalidInput
from strongroom.policy import model, terms
from strongroom.policy.model import Duty, Policy, Role
from strongroom.policy.reading import LONGEST_WINDOW, count, known, since, strings
from strongroom.policy.rules import check_rules, parse_rule
from strongroom.policy.schemas import parse_schema

_KINDS: Final = {Role.PERSON: {Kind.ED25519, Kind.WEBAUTHN}, Role.SERVICE: {Kind.ED25519, Kind.RS256}}
FORMAT = "strongroom.policy.v1"
FOLD_RULES = 2
PLACEMENT = ("provider", "region", "jurisdiction", "site")

_POLICY: Final = {
    "format": str, "fold": int, "version": int, "label": str, "expires": int, "cool_down": int, "people": dict,
    "administrators": dict, "groups": dict, "freezers": str, "witnesses": dict, "coordinator": dict, "tiers": dict,
    "chains": dict, "assets": dict, "address_groups": dict, "wallet_age": int, "limits": list, "rules": list,
}  # fmt: skip
_LATER: Final = {"valuation": dict, "messages": dict}


def load_policy(document: Mapping[str, Any]) -> Policy:
    """Parse and check one policy document; raises InvalidInput `policy.*` naming the offending part."""
    fold = fields(document, "policy", _POLICY, _LATER)["fold"]
    if document["format"] != FORMAT or not 1 <= fold <= FOLD_RULES:
        raise InvalidInput("policy.format", f"this release reads {FORMAT} with fold rules 1 to {FOLD_RULES}")
    doc = fields(document, "policy", _POLICY, since(fold, **_LATER))
    members = {parse_slug(name): _member(name, spec, fold) for name, spec in doc["people"].items()}
    groups = {parse_slug(name): _people(f"group '{name}'", names, members) for name, names in doc["groups"].items()}
    known("policy.group_unknown", "freezers", [doc["freezers"]], groups)
    witnesses = fields(doc["witnesses"], "policy.witnesses", {"faults": int, "nodes": dict})
    tiers = {parse_slug(name): terms.parse_tier(name, spec, fold) for name, spec in doc["tiers"].items()}
    chains = {parse_chain(n): terms.parse_chain_terms(n, spec) for n, spec in sorted(doc["chains"].items())}
    limits = tuple(terms.parse_limit(f"limit {i + 1}", spec, fold) for i, spec in enumerate(doc["limits"]))
    rules = tuple(parse_rule(i, spec, fold) for i, spec in enumerate(doc["rules"]))
    lists = doc["address_groups"].items()
    policy = Policy(
        fold=fold, version=count("version", doc["version"], 1), label=parse_label(doc["label"]),
        expires=count("expires", doc["expires"], 1),
        cool_down=count("cool_down", doc["cool_down"], most=LONGEST_WINDOW),
        members=members, groups=groups, freezers=groups[doc["freezers"]],
        administrators=_quorum("administrators", doc["administrators"], members),
        faults=count("witnesses.faults", witnesses["faults"]),
        nodes={parse_slug(name): _node(name, spec) for name, spec in witnesses["nodes"].items()},
        coordinator=plain_key(doc["coordinator"]), tiers=tiers, chains=chains,
        assets={parse_asset(name): terms.parse_asset_terms(name, spec) for name, spec in doc["assets"].items()},
        address_groups={parse_slug(n): terms.parse_address_group(n, spec, groups) for n, spec in lists},
        wallet_age=count("wallet_age", doc["wallet_age"]), limits=limits, rules=rules,
        valuation=terms.parse_valuation(doc["valuation"], groups) if "valuation" in doc else None,
        messages={parse_slug(n): parse_schema(f"message '{n}'", spec) for n, spec in doc.get("messages", {}).items()},
        window_shapes=model.window_shapes(limits, chains.values(), tiers.values(), rules), document=document,
    )  # fmt: skip
    _check_credentials(policy)
    _check_witnesses(policy)
    check_rules(policy)
    terms.check_limits(policy)
    return policy


def _people(where: str, value: object, members: Mapping[str, model.Member]) -> frozenset[str]:
    names = frozenset(strings(where, value))
    known("policy.person_unknown", where, names, members)
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
    quorum = model.Quorum(_people(where, doc["members"], members), count(f"{where}.threshold", doc["threshold"], 1))
    if any(members[name].role is not Role.PERSON for name in quorum.members):
        raise InvalidInput("policy.service_administers", f"{where} must be people, not services")
    if quorum.threshold > len(quorum.members):
        raise InvalidInput("policy.quorum_unmet", f"{where} asks {quorum.threshold} of {len(quorum.members)} people")
    return quorum


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
