"""Policies to begin with: a template's rules, filled with a workspace's own people, keys and assets."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from strongroom.documents.decimal import parse_decimal
from strongroom.errors import InvalidInput
from strongroom.policy.loader import FORMAT

NAMES: Final = ("exchange", "fintech", "fund", "dao", "solo")
YEAR_MS: Final = 365 * 86_400_000

_FOLD: Final = 2
_ABSENT: Final[dict[str, Any]] = {"address_groups": {}, "limits": [], "wallet_age": 0}
_AMOUNT: Final = re.compile(r"([0-9.]+) (coins|units)")


@dataclass(frozen=True, slots=True)
class Cast:
    """What a template is filled with: parts of a policy document, the unit of account, who is in which group.

    A group of the template that `groups` does not name holds all people.
    """

    base: Mapping[str, Any]
    unit: str
    groups: Mapping[str, list[str]]

    def of(self, role: str) -> list[str]:
        """The names of people, or of services."""
        return sorted(name for name, spec in self.base["people"].items() if spec["role"] == role)


@dataclass(frozen=True, slots=True)
class Written:
    """A whole policy document, and what of the template the people's keys cannot do yet."""

    document: dict[str, Any]
    left_out: tuple[str, ...]


def grouped(words: Iterable[str]) -> dict[str, list[str]]:
    """Who is in which group, as people write it: `NAME=PERSON,PERSON`; raises InvalidInput template.group."""
    groups = {}
    for word in words:
        name, sign, members = word.partition("=")
        if not sign:
            raise InvalidInput("template.group", "a group is written NAME=PERSON,PERSON")
        groups[name] = [member for member in members.split(",") if member]
    return groups


def template_of(name: str) -> dict[str, Any]:
    """A template as it lies beside this module; raises InvalidInput template.unknown."""
    if name not in NAMES:
        raise InvalidInput("template.unknown", f"there is no template '{name[:64]}'", f"one of: {', '.join(NAMES)}")
    return tomllib.loads((files("strongroom.cli") / "templates" / f"{name}.toml").read_text(encoding="utf-8"))


def written(name: str, cast: Cast, now: int) -> Written:
    """The policy that a template and a cast make, good for a year from `now` (unix ms); raises InvalidInput."""
    template, people, services = template_of(name), cast.of("person"), cast.of("service")
    for role, found in (("people", people), ("services", services)):
        if len(found) < template[role]:
            remedy = "name them, or begin with another template"
            raise InvalidInput("template.cast", f"'{name}' needs at least {template[role]} {role}", remedy)
    for group in cast.groups.keys() - template["groups"].keys():
        raise InvalidInput(
            "template.group", f"'{name}' has no group '{group}'", f"one of: {', '.join(template['groups'])}"
        )
    groups = {group: sorted(cast.groups.get(group, people)) for group in template["groups"]}
    document = {
        **_ABSENT,
        **{part: spec for part, spec in template.items() if part not in ("people", "services", "rules", "limits")},
        **cast.base,
        "format": FORMAT,
        "fold": _FOLD,
        "expires": now + YEAR_MS,
        "groups": groups,
        "administrators": {"members": people, "threshold": len(people) // 2 + 1},
    }
    if "valuation" in template:
        document["valuation"] = {"unit": cast.unit, "decimals": 2, **template["valuation"]}
    for tier in document["tiers"].values():
        if "ceiling" in tier:
            tier["ceiling"] = {"out": None, "in": None, **tier["ceiling"]}
    document["limits"] = [
        _filled(row, asset, cast) for row in template.get("limits", []) for asset in _assets(row, cast)
    ]
    rules = [(rule, asset) for rule in template["rules"] for asset in _assets(rule["when"], cast)]
    document["rules"] = [_rule(rule, asset, cast, groups, services) for rule, asset in rules]
    return Written(document, tuple(_fit(document)))


def _assets(row: Mapping[str, Any], cast: Cast) -> Iterator[str]:
    """A row about the coin or about a token stands once for each of them; any other row once, without one."""
    kind = row.get("asset")
    coins = {chain["native"] for chain in cast.base["chains"].values()}
    if kind is None:
        yield ""
    yield from (asset for asset in cast.base["assets"] if kind and (asset in coins) == (kind == "coin"))


def _filled(row: Any, asset: str, cast: Cast) -> Any:
    """Amounts in base units: `coins` of the native coin, `units` of the row's asset, which stands in it by its name."""
    if isinstance(row, dict):
        filled = {key: _filled(value, asset, cast) for key, value in row.items()}
        if "name" in filled and asset:
            filled["name"] += f" ({cast.base['assets'][asset]['symbol']})"
        return {**filled, "asset": asset} if "asset" in filled else filled
    if isinstance(row, list):
        return [_filled(value, asset, cast) for value in row]
    match = _AMOUNT.fullmatch(row) if isinstance(row, str) else None
    if match is None:
        return row
    unit = asset if match[2] == "units" else next(iter(cast.base["chains"].values()))["native"]
    return str(parse_decimal(match[1], cast.base["assets"][unit]["decimals"]))


def _rule(
    rule: Mapping[str, Any], asset: str, cast: Cast, groups: Mapping[str, list[str]], services: list[str]
) -> dict[str, Any]:
    filled: dict[str, Any] = _filled(rule, asset, cast)
    if asset:
        filled["when"]["asset"] = [asset]
    if filled["when"].get("initiator", {}).get("members") == "services":
        filled["when"]["initiator"] = {"members": services}
    for need in (need for needs in filled.get("allow", {}).get("approvals", []) for need in needs):
        if need["threshold"] == "majority":
            need["threshold"] = len(groups[need["group"]]) // 2 + 1
    return filled


def _fit(document: dict[str, Any]) -> Iterator[str]:
    """Take out of the rules what some approver's keys cannot do yet, and say so."""
    people, groups = document["people"], document["groups"]
    for term, (able, asked) in _ASKED.items():
        unable = {name for name, member in people.items() if not any(map(able, member["keys"]))}
        without, rules = set[str](), []
        for rule in document["rules"]:
            allow = rule.get("allow", {})
            asked_of = {need["group"] for needs in allow.get("approvals", []) for need in needs}
            lacking = unable & {name for group in asked_of for name in groups[group]}
            if allow.get(term) and lacking:
                del allow[term]
                without |= lacking
                rules.append(f"'{rule['name']}'")
        if rules:
            names = ", ".join(sorted(without))
            yield f"{asked} is not asked for by {', '.join(rules)} yet, for want of such keys: {names}"


def _on_own_machine(key: Mapping[str, Any]) -> bool:
    return key.get("surface") == "approver"


def _device_bound(key: Mapping[str, Any]) -> bool:
    return key["kind"] == "webauthn" and not key["backup_eligible"]


_ASKED: Final = {
    "surface": (_on_own_machine, "approval on the approver's own machine"),
    "device_bound": (_device_bound, "a passkey that cannot be synced"),
}
