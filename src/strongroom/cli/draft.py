"""The first policy: from a file in the policy's own form with shortcuts, or from a few answers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

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
    """What the guided draft asks for; amounts in base units of the native coin, keys are files."""

    label: str
    people: dict[str, dict[str, Any]]
    services: dict[str, dict[str, Any]]
    nodes: dict[str, dict[str, Any]]
    coordinator: dict[str, Any]
    threshold: int
    chain: str
    symbol: str
    small: int
    a_day: int
    fee_ceiling: int
    tokens: tuple[Token, ...] = field(default=())


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


def standard(answers: Answers, now: int) -> dict[str, Any]:
    """A hot tier: services move small amounts alone, people more with approvals; everything else is denied."""
    chain, native = answers.chain, f"{answers.chain}/slip44:60"
    assets = {native: {"symbol": answers.symbol, "decimals": 18}}
    assets |= {
        f"{chain}/erc20:{token.contract}": {"symbol": token.symbol, "decimals": token.decimals}
        for token in answers.tokens
    }
    alone: dict[str, Any] = {
        "approvals": [],
        "initiator_may_approve": False,
        "delay": 0,
        "expiry": DAY,
        "fee_ceiling": str(answers.fee_ceiling),
    }
    asked = {**alone, "approvals": [[{"group": "approvers", "threshold": answers.threshold}]]}
    rules: list[dict[str, Any]] = []
    if answers.services:
        small = {
            "initiator": {"members": sorted(answers.services)},
            "source": {"tiers": ["hot"]},
            "asset": [native],
            "amount": {"max": str(answers.small)},
            "over_time": [{"seconds": DAY, "per": "initiator", "max": str(answers.a_day)}],
        }
        rules.append({"name": f"small amounts of {answers.symbol} by services", "when": small, "allow": alone})
    people = {"initiator": {"groups": ["approvers"]}, "source": {"tiers": ["hot"]}}
    rules.append({"name": f"{answers.threshold} people approve", "when": people, "allow": asked})
    limit = {
        "name": f"{answers.symbol} of a wallet in a day",
        "asset": native,
        "seconds": DAY,
        "per": "source",
        "max": str(answers.a_day),
    }
    members = {name: {"role": "person", "keys": [spec["key"]]} for name, spec in answers.people.items()}
    members |= {name: {"role": "service", "keys": [spec["key"]]} for name, spec in answers.services.items()}
    nodes = {
        name: {part: spec.get(part) for part in ("duty", "key", "placement")} for name, spec in answers.nodes.items()
    }
    return {
        "format": FORMAT,
        "fold": FOLD_RULES,
        "version": 1,
        "label": answers.label,
        "expires": now + 365 * DAY * 1000,
        "cool_down": DAY,
        "people": members,
        "administrators": {"members": sorted(answers.people), "threshold": answers.threshold},
        "groups": {"approvers": sorted(answers.people)},
        "freezers": "approvers",
        "witnesses": {"faults": 1, "nodes": nodes},
        "coordinator": answers.coordinator["key"],
        "tiers": {"hot": {"checkpoint_age": 30, "schemes": ["ecdsa-dkls23", "ed25519-frost", "bip340-frost"]}},
        "chains": {
            chain: {
                "confirmations": 12,
                "native": native,
                "fee_window": {"seconds": DAY, "max": str(answers.fee_ceiling * 100)},
            }
        },
        "assets": assets,
        "address_groups": {},
        "wallet_age": 0,
        "limits": [limit],
        "rules": rules,
    }


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
