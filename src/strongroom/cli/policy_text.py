"""A policy in plain words."""

from __future__ import annotations

from typing import Any

from strongroom.cli.output import span
from strongroom.documents.decimal import show
from strongroom.documents.names import AssetId
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Allowance, Condition, Policy

Line = tuple[str, str]


def describe(found: dict[str, Any]) -> list[Line]:
    """Lines with their styles: who, limits, and the ordered rules."""
    from strongroom.cli.timeline import day

    policy = load_policy(found["policy"])
    admins = policy.administrators
    lines: list[Line] = [
        (f"{policy.label}, policy version {policy.version}", "bold"),
        (f"digest {policy.digest}, expires {day(policy.expires)}", "dim"),
        (f"administrators: {admins.threshold} of {', '.join(sorted(admins.members))}", ""),
    ]
    lines += [(f"group {name}: {', '.join(sorted(members))}", "") for name, members in policy.groups.items()]
    lines.append((f"freezers: {', '.join(sorted(policy.freezers))}", ""))
    nodes = [f"{name} ({node.duty.value})" for name, node in sorted(policy.nodes.items())]
    lines.append((f"witnesses: {policy.witness_quorum} of {', '.join(nodes)}", ""))
    for limit in policy.limits:
        text = money(policy, limit.window.asset, limit.maximum)
        lines.append((f"limit '{limit.name}': {text} in {span(limit.window.seconds)} per {limit.window.per.value}", ""))
    lines.append(("rules, the first that matches decides:", "bold"))
    for index, rule in enumerate(policy.rules, 1):
        lines.append((f"{index}. {rule.name}", ""))
        lines.append((f"   when  {_condition(policy, rule.condition)}", "dim"))
        said = _allowance(policy, rule.allowance) if rule.allowance else f"DENY: {rule.reason}"
        lines.append((f"   then  {said}", "dim"))
    lines.append(("otherwise: denied", ""))
    for name in ("suspended", "revoked"):
        if found[name]:
            lines.append((f"{name}: {', '.join(found[name])}", "yellow"))
    return lines


def money(policy: Policy, asset: AssetId, amount: int) -> str:
    """An amount of base units with its symbol."""
    unit = policy.assets[asset]
    return f"{show(amount, unit.decimals)} {unit.symbol}"


def _condition(policy: Policy, c: Condition) -> str:
    parts = []
    if c.initiators is not None or c.initiator_groups is not None:
        who = [*sorted(c.initiators or ()), *(f"group {g}" for g in sorted(c.initiator_groups or ()))]
        parts.append(f"by {' or '.join(who)}")
    if c.wallets is not None or c.tiers is not None:
        parts.append(f"from {' or '.join([*sorted(c.wallets or ()), *(f'tier {t}' for t in sorted(c.tiers or ()))])}")
    to = [*sorted(c.accounts or ()), *(f"list {name}" for name in sorted(c.listed or ()))]
    to += ["own wallets"] if c.own_wallets else []
    if to:
        parts.append(f"to {' or '.join(to)}")
    if c.assets is not None:
        parts.append(f"of {' or '.join(sorted(policy.assets[a].symbol for a in c.assets))}")
        asset = min(c.assets)
        if c.amount_min is not None:
            parts.append(f"at least {money(policy, asset, c.amount_min)}")
        if c.amount_max is not None:
            parts.append(f"at most {money(policy, asset, c.amount_max)}")
        parts += [
            f"within {money(policy, asset, over.maximum)} in {span(over.seconds)} per {over.per.value}"
            for over in c.over_time
        ]
    return ", ".join(parts) or "always"


def _allowance(policy: Policy, terms: Allowance) -> str:
    each = [" and ".join(f"{need.threshold} of {need.group}" for need in needs) for needs in terms.approvals]
    approvals = f"allow with approvals by {', or '.join(each)}" if each else "allow without approvals"
    delay = f", after {span(terms.delay)}" if terms.delay else ""
    ceilings = {money(policy, chain.native, terms.fee_ceiling) for chain in policy.chains.values()}
    return f"{approvals}{delay}, fee at most {' or '.join(sorted(ceilings))}"
