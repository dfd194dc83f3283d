"""The first policy: from a file in the policy's own form with shortcuts, or from a few answers."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from strongroom.chains.evm.checksum import parse_address
from strongroom.cli.files import read_document
from strongroom.cli.output import span
from strongroom.documents.canonical import fields
from strongroom.errors import InvalidInput
from strongroom.policy.loader import FOLD_RULES, FORMAT, load_policy
from strongroom.policy.model import Duty

DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 token: its contract, what people call it, its decimals."""

    contract: str
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What a policy from a template needs to be told; people, services, nodes and coordinator by credential files."""

    label: str
    people: Mapping[str, dict[str, Any]]
    services: Mapping[str, dict[str, Any]]
    nodes: Mapping[str, dict[str, Any]]
    coordinator: dict[str, Any]
    chain: str
    symbol: str
    tokens: tuple[Token, ...] = ()


def draft_of(policy: dict[str, Any]) -> dict[str, Any]:
    """`{"policy", "salt"}` once the policy is found good; raises InvalidInput policy.*."""
    load_policy(policy)
    return {"policy": policy, "salt": secrets.token_hex(16)}


def load_draft(path: Path) -> dict[str, Any]:
    """A draft file; raises InvalidInput."""
    draft = fields(read_document(path), f"the draft {path}", {"policy": dict, "salt": str})
    load_policy(draft["policy"])
    return draft


def from_file(path: Path, now: int) -> dict[str, Any]:
    """A whole policy from a file in which credentials may be paths, and what is usual may be left out.

    `expires` defaults to a year after `now` (unix ms).
    """
    document = read_document(path)
    usual: dict[str, Any] = {
        "format": FORMAT,
        "fold": FOLD_RULES,
        "version": 1,
        "expires": now + 365 * DAY * 1000,
        "cool_down": DAY,
        "wallet_age": 0,
        "address_groups": {},
        "limits": [],
    }
    policy = {**usual, **document}
    base = path.parent
    for name in ("people", "witnesses", "coordinator"):
        if name not in policy:
            raise InvalidInput("document.missing_field", f"{path} lacks {name}")
    if isinstance(policy["people"], dict):
        policy["people"] = {name: _member(base, spec) for name, spec in policy["people"].items()}
    witnesses = policy["witnesses"]
    if isinstance(witnesses, dict) and isinstance(witnesses.get("nodes"), dict):
        nodes = {name: _node(base, spec) for name, spec in witnesses["nodes"].items()}
        policy["witnesses"] = {**witnesses, "nodes": nodes}
    if isinstance(policy["coordinator"], str):
        policy["coordinator"] = credential(base / policy["coordinator"])["key"]
    return policy


def credential(path: Path) -> dict[str, Any]:
    """A credential file as `person new`, `service new`, `signer init` or `coordinator init` wrote it."""
    optional: dict[str, Any] = {"role": str, "duty": str, "placement": dict}
    return fields(read_document(path), f"the credential {path}", {"name": str, "key": dict}, optional)


def credentials(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Credential files by the names in them; raises InvalidInput draft.name_twice."""
    found = [credential(path) for path in paths]
    named = {spec["name"]: spec for spec in found}
    if len(named) != len(found):
        raise InvalidInput("draft.name_twice", "two of these files have the same name")
    return named


def token_of(text: str) -> Token:
    """A token as people write it, `SYMBOL:CONTRACT:DECIMALS`; raises InvalidInput draft.token."""
    symbol, _, rest = text.partition(":")
    contract, _, decimals = rest.partition(":")
    if not symbol or not decimals.isdecimal():
        raise InvalidInput("draft.token", "a token is written SYMBOL:CONTRACT:DECIMALS, such as USDC:0xa0b8…eb48:6")
    return Token(parse_address(contract), symbol, int(decimals))


def _member(base: Path, spec: Any) -> Any:
    if isinstance(spec, str):
        found = credential(base / spec)
        return {"role": found.get("role", "person"), "keys": [found["key"]]}
    return spec


def _node(base: Path, spec: Any) -> Any:
    if isinstance(spec, str):
        found = credential(base / spec)
        return {name: found.get(name) for name in ("duty", "key", "placement")}
    return spec


def base_of(answers: Answers) -> dict[str, Any]:
    """The parts of a first policy that no template knows: who, which nodes, which chain, which assets."""
    chain, native = answers.chain, f"{answers.chain}/slip44:60"
    members = {name: {"role": "person", "keys": [spec["key"]]} for name, spec in answers.people.items()}
    members |= {name: {"role": "service", "keys": [spec["key"]]} for name, spec in answers.services.items()}
    nodes = {
        name: {part: spec.get(part) for part in ("duty", "key", "placement")} for name, spec in answers.nodes.items()
    }
    tokens = {
        f"{chain}/erc20:{token.contract}": {"symbol": token.symbol, "decimals": token.decimals}
        for token in answers.tokens
    }
    fees = {"seconds": DAY, "max": str(10**18)}
    return {
        "version": 1,
        "label": answers.label,
        "people": members,
        "witnesses": {"faults": 1, "nodes": nodes},
        "coordinator": answers.coordinator["key"],
        "chains": {chain: {"confirmations": 12, "native": native, "fee_window": fees}},
        "assets": {native: {"symbol": answers.symbol, "decimals": 18}, **tokens},
    }


def next_base(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The same parts of a policy that is in force, for its next version."""
    load_policy(policy)
    kept = ("label", "people", "witnesses", "coordinator", "chains", "assets")
    return {**{part: policy[part] for part in kept}, "version": policy["version"] + 1}


def summary(policy: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What somebody who is about to sign a policy should see of it."""
    loaded = load_policy(policy)
    admins = loaded.administrators
    from strongroom.cli.timeline import day

    def on(duty: Duty) -> str:
        return ", ".join(sorted(name for name, node in loaded.nodes.items() if node.duty is duty))

    return [
        ("policy", f"{loaded.label}, version {loaded.version}"),
        ("digest", loaded.digest),
        ("expires", day(loaded.expires)),
        ("administrators", f"{admins.threshold} of {', '.join(sorted(admins.members))}"),
        ("members", ", ".join(f"{name} ({m.role.value})" for name, m in sorted(loaded.members.items()))),
        ("signers", on(Duty.SIGNER)),
        ("guardians", on(Duty.GUARDIAN)),
        ("witness quorum", f"{loaded.witness_quorum} of {len(loaded.nodes)}"),
        ("cool-down", f"{span(loaded.cool_down)} before a later version is in force"),
        ("chains", ", ".join(loaded.chains)),
        ("assets", ", ".join(f"{unit.symbol} ({name})" for name, unit in loaded.assets.items())),
        *((f"rule {i}", rule.name) for i, rule in enumerate(loaded.rules, 1)),
    ]
