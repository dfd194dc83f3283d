"""The whole policy document in plain words: every part by its name, and chapter by chapter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from strongroom.documents.credentials import Credential
from strongroom.policy.words import Doc, constraint, duration, either, moment, money, phrases, sentence, terms
from strongroom.policy.words import value as in_units
from strongroom.policy.words import window as rolling

Parts = dict[str, list[str]]
"""What is said of each named part of a field; a field without parts has one, without a name."""

TITLES: Final = {
    "label": "Workspace",
    "expires": "Expires",
    "cool_down": "A later version waits, unless it only tightens",
    "administrators": "Administrators",
    "people": "People and services",
    "groups": "Groups",
    "freezers": "Freezers",
    "witnesses": "Witnesses",
    "coordinator": "The coordinator's log key",
    "tiers": "Tiers",
    "wallet_age": "A new wallet is usable after",
    "chains": "Chains",
    "assets": "Assets",
    "address_groups": "Lists of destinations",
    "valuation": "Prices",
    "messages": "Messages",
    "limits": "Limits beside all rules",
    "rules": "Rules: the first that matches decides",
}
"""The fields of the document, as people read them."""


def chapters(policy: Doc) -> list[tuple[str, list[str]]]:
    """Titles with their lines; what a document says nothing about is left out."""
    found = [
        (title, [f"{name}: {'; '.join(said)}" if name else "; ".join(said) for name, said in told.items()])
        for title, told in ((TITLES[field], told) for field, told in parts(policy).items())
        if told
    ]
    rules = [f"{number}. {_rule(rule, policy)}" for number, rule in enumerate(policy["rules"], 1)]
    return [*found[:-1], (TITLES["rules"], [*rules, "Whatever no rule allows is denied."])]


def parts(policy: Doc) -> dict[str, Parts]:
    """What each field of the document says, phrase by phrase."""
    assets, valuation = policy["assets"], policy.get("valuation")
    return {
        "label": {"": [policy["label"]]},
        "expires": {"": [moment(policy["expires"])]},
        "cool_down": {"": [duration(policy["cool_down"])]},
        "administrators": {"": [_quorum(policy["administrators"])]},
        "people": {name: [spec["role"], *map(_key, spec["keys"])] for name, spec in policy["people"].items()},
        "groups": {name: [", ".join(members) or "nobody"] for name, members in policy["groups"].items()},
        "freezers": {"": [f"group {policy['freezers']}"]},
        "witnesses": {"": [_witnesses(policy["witnesses"])]},
        "coordinator": {"": [_key(policy["coordinator"])]},
        "tiers": {name: _tier(spec, valuation) for name, spec in policy["tiers"].items()},
        "wallet_age": {"": [duration(policy["wallet_age"])]},
        "chains": {name: _chain(spec, assets) for name, spec in policy["chains"].items()},
        "assets": {name: [spec["symbol"], f"{spec['decimals']} decimals"] for name, spec in assets.items()},
        "address_groups": {name: _list(spec) for name, spec in policy["address_groups"].items()},
        "valuation": {"": _prices(valuation)} if valuation else {},
        "messages": {name: _message(schema) for name, schema in policy.get("messages", {}).items()},
        "limits": {name: [_limit(spec, assets, valuation)] for name, spec in named(policy["limits"]).items()},
        "rules": {name: _phrases(rule, assets, valuation) for name, rule in named(policy["rules"]).items()},
    }


def named(rows: Iterable[Doc]) -> dict[str, Doc]:
    """Rows by their names; a name that stands again has its number beside it."""
    found: dict[str, Doc] = {}
    for row in rows:
        count = sum(other["name"] == row["name"] for other in found.values())
        found[f"{row['name']} ({count + 1})" if count else row["name"]] = row
    return found


def _rule(rule: Doc, policy: Doc) -> str:
    return f"{rule['name']}: {sentence(rule, policy['assets'], policy.get('valuation'))}"


def _phrases(rule: Doc, assets: Doc, valuation: Doc | None) -> list[str]:
    said = [f"denied: {rule['deny']}"] if "deny" in rule else terms(rule["allow"], rule["when"], assets)
    return [*phrases(rule["when"], assets, valuation), *said]


def _limit(spec: Doc, assets: Doc, valuation: Doc | None) -> str:
    in_value = "max_value" in spec
    most = in_units(valuation, spec["max_value"]) if in_value else money(assets, spec["asset"], spec["max"])
    return f"at most {most} {rolling(spec)}"


def _quorum(spec: Mapping[str, Any]) -> str:
    return f"{spec['threshold']} of {', '.join(spec['members'])}"


def _key(doc: Doc) -> str:
    kinds = {"ed25519": "Ed25519 key", "webauthn": "passkey", "rs256": "RS256 key"}
    said = f"{kinds[doc['kind']]} {Credential.from_doc(doc).key_id[:12]}"
    if doc["kind"] == "webauthn":
        said += f" of {doc['origin']}, {'may be synced' if doc['backup_eligible'] else 'bound to its device'}"
    return said + (", used on the approver's own machine" if doc.get("surface") == "approver" else "")


def _witnesses(spec: Doc) -> str:
    nodes = ", ".join(f"{name} ({node['duty']})" for name, node in spec["nodes"].items())
    return f"{(len(spec['nodes']) + spec['faults']) // 2 + 1} of {nodes}"


def _tier(spec: Doc, valuation: Doc | None) -> list[str]:
    said = [f"{either(spec['schemes'], 'no')} keys", f"checkpoints at most {duration(spec['checkpoint_age'])} old"]
    ceiling = spec.get("ceiling") or {}
    for way in ("out", "in"):
        if ceiling.get(way) is not None:
            said.append(f"at most {in_units(valuation, ceiling[way])} {way} in {duration(ceiling['seconds'])}")
    return said + (["takes RS256 requests"] if spec.get("requests") else [])


def _chain(spec: Doc, assets: Doc) -> list[str]:
    fees = spec["fee_window"]
    most = f"{money(assets, spec['native'], fees['max'])} in {duration(fees['seconds'])}"
    coin = f"its coin is {spec['native']}"
    return [coin, f"final after {spec['confirmations']} blocks", f"fees at most {most} per wallet"]


def _list(spec: Doc) -> list[str]:
    age = f"usable after {duration(spec['age'])}" if spec["age"] else "usable at once"
    return [f"{spec['threshold']} of {spec['group']} add to it", age]


def _prices(spec: Doc) -> list[str]:
    stated = f"stated by {spec['threshold']} of {spec['group']}"
    return [f"in {spec['unit']} with {spec['decimals']} decimals", stated, f"good for {duration(spec['max_age'])}"]


def _message(schema: Doc) -> list[str]:
    domain = ", ".join(f"{name} {text}" for name, text in schema["domain"].items())
    types = (_struct(name, fields) for name, fields in schema["types"].items())
    return [f"{schema['primary_type']} on {schema['chain']}", domain, *types, *map(constraint, schema["fields"])]


def _struct(name: str, fields: Iterable[Doc]) -> str:
    return f"{name}({', '.join(' '.join((field['type'], field['name'])) for field in fields)})"
