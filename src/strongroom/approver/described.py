"""What a person can stop from this machine, by its own state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from strongroom.approver.desk import Desk
from strongroom.custody.authority import in_force
from strongroom.pages.acts import ACTS


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be stopped: the kind of statement and its subject, and what it says."""

    kind: str
    subject: dict[str, Any]
    text: str


def stops(desk: Desk) -> dict[str, list[Choice]]:
    """Everything that this person could stop now, by kind of statement; freezes have a form of their own."""
    state, policy, person = desk.state, in_force(desk.state), desk.person
    found = {
        "person.suspend": [
            Choice("person.suspend", {"person": name}, name) for name in sorted(policy.members.keys() - state.suspended)
        ],
        "key.revoke": [
            Choice("key.revoke", {"key": key.key_id}, f"{member.name}: {key.kind} {key.key_id[:12]}")
            for member in sorted(policy.members.values(), key=lambda member: (member.name != person, member.name))
            for key in member.credentials.values()
            if key.key_id not in state.revoked
        ],
        "wallet.close": [
            Choice("wallet.close", {"wallet": wallet.name}, wallet.name)
            for wallet in state.wallets.values()
            if not wallet.closed
        ],
        "address.delist": [
            Choice("address.delist", {"account": row.account, "group": row.group}, f"{row.label} ({row.group})")
            for row in state.addresses.values()
        ],
        "policy.withdraw": [
            Choice("policy.withdraw", {"version": state.proposal.policy.version}, "the proposed policy")
        ]
        if state.proposal
        else [],
    }
    able = {
        kind: [choice for choice in choices if ACTS[kind].part(state, person, choice.subject)]
        for kind, choices in found.items()
    }
    return {kind: choices for kind, choices in able.items() if choices}


def freezable(desk: Desk) -> list[tuple[str, str]]:
    """What a freeze can cover, as `scope:target` with its words; nothing for who does not freeze."""
    state, policy = desk.state, in_force(desk.state)
    if desk.person not in policy.freezers:
        return []
    scopes = [("workspace:", "everything: the whole workspace")]
    scopes += [(f"tier:{name}", f"tier {name}") for name in sorted(policy.tiers)]
    scopes += [(f"wallet:{name}", f"wallet {name}") for name in sorted(state.wallets)]
    return scopes + [(f"person:{name}", f"what {name} proposed") for name in sorted(policy.members)]
