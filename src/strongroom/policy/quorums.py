"""Who can propose and who can approve by a rule: whether its quorums can be met at all, and by how few."""

from __future__ import annotations

from dataclasses import replace

from strongroom.documents.credentials import Credential, Surface
from strongroom.policy.model import Allowance, ApprovalNeed, Condition, Member, Policy, Role
from strongroom.policy.obligations import Obligations, missing

Needs = tuple[ApprovalNeed, ...]


def initiators(policy: Policy, c: Condition) -> frozenset[str]:
    """The members by whose proposals a condition can hold."""
    if c.initiators is None and c.initiator_groups is None:
        return frozenset(policy.members)
    return (c.initiators or frozenset()).union(*(policy.groups[group] for group in c.initiator_groups or ()))


def able(policy: Policy, terms: Allowance) -> frozenset[str]:
    """The members who hold a key that approves under these terms."""
    return frozenset(name for name, member in policy.members.items() if _holds_key_for(member, terms))


def _holds_key_for(member: Member, terms: Allowance) -> bool:
    return any(approves(key, terms) for key in member.credentials.values())


def approves(key: Credential, terms: Allowance) -> bool:
    """Whether a credential is one that the terms take; RS256 keys propose and nothing else."""
    surfaced = terms.surface is Surface.CONSOLE or key.surface is terms.surface
    return key.kind != "rs256" and surfaced and (key.device_bound or not terms.device_bound)


def lacking(policy: Policy, terms: Allowance, needs: Needs, initiator: str) -> Needs:
    """What one alternative lacks although everybody approves who may and can when `initiator` proposes."""
    approvers = able(policy, terms) - (frozenset() if terms.initiator_may_approve else {initiator})
    alone = Obligations("", replace(terms, approvals=(needs,)))
    return next(iter(missing(alone, approvers, policy.groups)), ())


def fewest(policy: Policy, c: Condition, terms: Allowance) -> tuple[int, int]:
    """(people, services) of the cheapest way through a rule; a service initiates, but fills no approver's place."""
    proposing = initiators(policy, c)
    services = {name for name in proposing if policy.members[name].role is Role.SERVICE}
    ways = []
    for needs in terms.approvals or ((),):
        places = sum(need.threshold for need in needs)
        asked = {name for need in needs for name in policy.groups[need.group]}
        if terms.initiator_may_approve and proposing & asked - services:
            ways.append((max(places, 1), 0))
        ways.append((places, 1) if services else (places + 1, 0))
    return min(ways, key=lambda way: (sum(way), way))
