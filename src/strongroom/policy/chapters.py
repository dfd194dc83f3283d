"""The whole policy document in plain words, chapter by chapter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.documents.credentials import Credential
from strongroom.policy.words import Doc, duration, either, moment, money, sentence, value, window

Chapter = tuple[str, list[str]]


def chapters(policy: Doc) -> list[Chapter]:
    """Titles with their lines; chapters about nothing are left out."""
    found = [
        ("Administrators", [f"{_quorum(policy['administrators'])} change the policy", _term(policy)]),
        ("People and services", [line for name, spec in policy["people"].items() for line in _member(name, spec)]),
        ("Groups", [f"{name}: {', '.join(members) or 'nobody'}" for name, members in policy["groups"].items()]),
        ("Freezers", [f"group {policy['freezers']}: {', '.join(policy['groups'][policy['freezers']]) or 'nobody'}"]),
        ("Witnesses", [_witnesses(policy["witnesses"])]),
        ("Tiers", [_tier(policy, name, tier) for name, tier in policy["tiers"].items()]),
        ("Chains and assets", _coins(policy)),
        ("Lists of destinations", [_list(name, spec) for name, spec in policy["address_groups"].items()]),
        ("Prices", _prices(policy)),
        ("Messages", [_message(name, schema) for name, schema in policy.get("messages", {}).items()]),
        ("Limits beside all rules", [limit(each, policy) for each in policy["limits"]]),
        ("Rules: the first that matches decides", _rules(policy)),
    ]
    return [(title, lines) for title, lines in found if lines]


def limit(spec: Doc, policy: Doc) -> str:
    """A hard cap in one line."""
    asset, valuation = spec.get("asset", ""), policy.get("valuation")
    most = money(policy["assets"], asset, spec["max"]) if asset else value(valuation, spec["max_value"])
    return f"'{spec['name']}': at most {most} {window(spec)}"


def _quorum(spec: Mapping[str, Any]) -> str:
    return f"{spec['threshold']} of {', '.join(spec['members'])}"


def _term(policy: Doc) -> str:
    wait = duration(policy["cool_down"]) if policy["cool_down"] else "no time"
    return f"a later version waits {wait} unless it only tightens; this one expires {moment(policy['expires'])}"


def _member(name: str, spec: Doc) -> list[str]:
    """One line, and one for each key."""
    return [f"{name} ({spec['role']})", *(f"  {_key(key)}" for key in spec["keys"])]


def _key(doc: Doc) -> str:
    kinds = {"ed25519": "Ed25519 key", "webauthn": "passkey", "rs256": "RS256 key"}
    said = f"{kinds[doc['kind']]} {Credential.from_doc(doc).key_id[:12]}"
    if doc["kind"] == "webauthn":
        said += f" of {doc['origin']}, {'may be synced' if doc['backup_eligible'] else 'bound to its device'}"
    return said + (", used on the approver's own machine" if doc.get("surface") == "approver" else "")


def _witnesses(spec: Doc) -> str:
    nodes = ", ".join(f"{name} ({node['duty']})" for name, node in spec["nodes"].items())
    return f"{(len(spec['nodes']) + spec['faults']) // 2 + 1} of {nodes}"


def _tier(policy: Doc, name: str, spec: Doc) -> str:
    said = f"{name}: {either(spec['schemes'], 'no')} keys, checkpoints at most {duration(spec['checkpoint_age'])} old"
    ceiling = spec.get("ceiling") or {}
    for way in ("out", "in"):
        if ceiling.get(way) is not None:
            said += f", at most {value(policy.get('valuation'), ceiling[way])} {way} in {duration(ceiling['seconds'])}"
    return said + (", takes RS256 requests" if spec.get("requests") else "")


def _coins(policy: Doc) -> list[str]:
    found = []
    for chain, spec in policy["chains"].items():
        fees, depth = spec["fee_window"], spec["confirmations"]
        most = f"{money(policy['assets'], spec['native'], fees['max'])} in {duration(fees['seconds'])}"
        found.append(f"{chain}: final after {depth} blocks, fees at most {most} per wallet")
    units = policy["assets"].items()
    return found + [f"{unit['symbol']}: {asset}, {unit['decimals']} decimals" for asset, unit in units]


def _list(name: str, spec: Doc) -> str:
    age = f"usable after {duration(spec['age'])}" if spec["age"] else "usable at once"
    return f"{name}: {spec['threshold']} of {spec['group']} add to it, {age}"


def _prices(policy: Doc) -> list[str]:
    spec = policy.get("valuation")
    if spec is None:
        return []
    return [f"in {spec['unit']} by {spec['threshold']} of {spec['group']}, good for {duration(spec['max_age'])}"]


def _message(name: str, schema: Doc) -> str:
    return f"'{name}': {schema['primary_type']} of {schema['domain'].get('name', 'an unnamed domain')}"


def _rules(policy: Doc) -> list[str]:
    found = [
        f"{number}. {rule['name']}: {sentence(rule, policy['assets'], policy.get('valuation'))}"
        for number, rule in enumerate(policy["rules"], 1)
    ]
    return [*found, "Whatever no rule allows is denied."]
