"""Who has a part in an entry that takes several people: whose statements count, and how many it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy, Quorum


def part(policy: Policy, kind: str, body: Mapping[str, Any]) -> Quorum | None:
    """The quorum of a kind of statement about an entry's body; None where the policy names none (the fold says so)."""
    administrators = policy.administrators
    if kind == "address.list":
        group = policy.address_groups.get(str(body.get("group")))
        return group.quorum if group else None
    if kind == "valuation.state":
        return policy.valuation.quorum if policy.valuation else None
    if kind == "workspace.freeze":
        return Quorum(policy.freezers, 2)  # a second one within the week
    if kind == "policy.withdraw":
        return Quorum(administrators.members, len(administrators.members) - administrators.threshold + 1)
    if kind == "policy.propose":
        new = load_policy(body["policy"]).administrators
        return Quorum(administrators.members | new.members, max(administrators.threshold, new.threshold))
    return administrators
