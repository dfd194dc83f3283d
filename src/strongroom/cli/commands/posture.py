"""`strongroom posture`: who together could sign or stop everything, and what can only be bounded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strongroom.cli.output import Json, emit, example, say, span, table

if TYPE_CHECKING:
    from strongroom.audit.bounds import Bounds, Cap
    from strongroom.audit.posture import Posture, Sets
    from strongroom.custody.state import CustodyState
    from strongroom.policy.model import Policy


def posture(
    bundle: Annotated[Path | None, typer.Argument(help="An exported log; without it, the coordinator's.")] = None,
    as_json: Json = False,
) -> None:
    """The smallest sets of nodes, places and people that could sign or block, and the bounds on loss.

    Computed from a log that is verified first, entry by entry: the coordinator's word is not taken for it.
    """
    from strongroom.audit.allowances import Allowances
    from strongroom.audit.bounds import bounds
    from strongroom.audit.posture import posture as posture_of
    from strongroom.cli.verified import verified_log

    allowances = Allowances()
    state = verified_log(bundle, as_json, allowances.watch).state
    found, limits = posture_of(state), bounds(state, allowances.granted)
    document = {"workspace": state.workspace, "entries": state.size, **_document(found), "bounds": _bounded(limits)}
    emit(document, as_json, lambda: _render(state, found, limits))


def _document(found: Posture) -> dict[str, Any]:
    return {
        "keys": {
            key.key: {
                "scheme": key.scheme,
                "tier": key.tier,
                "wallets": list(key.wallets),
                "threshold": key.threshold,
                "participants": list(key.participants),
                "sets": [_sets(sets) for sets in key.sets],
            }
            for key in found.keys
        },
        "witnesses": _sets(found.witnesses),
        "rules": [
            {
                "rule": rule.rule,
                "wallets": list(rule.wallets),
                "assets": list(rule.assets),
                "amount": None if rule.amount is None else str(rule.amount),
                "people": rule.people,
                "services": rule.services,
                "own_wallets_only": rule.own_wallets_only,
            }
            for rule in found.rules
        ],
        "findings": list(found.findings),
    }


def _sets(sets: Sets) -> dict[str, Any]:
    return {
        "counted_by": sets.counted_by,
        "sign": [sorted(group) for group in sets.sign],
        "block": [sorted(group) for group in sets.block],
    }


def _bounded(limits: Bounds) -> dict[str, Any]:
    return {
        "exposure": [
            {"wallet": row.wallet, "asset": row.asset, "noted": str(row.noted), "possible": str(row.possible)}
            for row in limits.exposure
        ],
        "allowances": [
            {"wallet": row.wallet, "asset": row.asset, "spender": row.spender, "amount": str(row.amount)}
            for row in limits.allowances
        ],
        "last_until": limits.last_until,
        "longest_wait": limits.longest_wait,
        "fees": [_cap(cap) for cap in limits.fees],
        "limits": [_cap(cap) for cap in limits.limits],
        "deposit_addresses": limits.deposit_addresses,
        "routes_without_the_log": {name: list(routes) for name, routes in limits.routes_without_the_log.items()},
        "one_library": list(limits.one_library),
        "listed": limits.listed,
    }


def _cap(cap: Cap) -> dict[str, Any]:
    return {
        "name": cap.name,
        "asset": cap.asset,
        "subject": cap.subject,
        "seconds": cap.seconds,
        "used": str(cap.used),
        "max": str(cap.maximum),
    }


def _render(state: CustodyState, found: Posture, limits: Bounds) -> None:
    from strongroom.cli.timeline import day
    from strongroom.custody.authority import in_force
    from strongroom.custody.words import money

    policy = in_force(state)
    for finding in found.findings:
        say(f"! {finding}", "yellow")
    for key in found.keys:
        say(f"key {key.key} ({key.scheme}, tier {key.tier}) of {', '.join(key.wallets) or 'no wallet'}", "bold")
        table(
            ["counted by", "could sign", "could block"],
            [[sets.counted_by, _either(sets.sign), _either(sets.block)] for sets in key.sets],
            "no shares",
        )
    say("witnesses", "bold")
    say(f"  could cosign a false history: {_either(found.witnesses.sign)}")
    say(f"  could stop the log: {_either(found.witnesses.block)}")
    say("people", "bold")
    rows = []
    for rule in found.rules:
        who = " and ".join(
            f"{count} {word}" for count, word in ((rule.people, "people"), (rule.services, "service")) if count
        )
        asset = rule.assets[0] if len(rule.assets) == 1 else None
        most = "no bound" if rule.amount is None else str(rule.amount)
        most = money(policy, asset, rule.amount)["text"] if asset and rule.amount is not None else most
        rows.append([rule.rule, ", ".join(rule.wallets), "own wallets only" if rule.own_wallets_only else most, who])
    table(["rule", "wallets", "at a time", "takes"], rows, "no rule allows anything")
    say("only bounded", "bold")
    for exposure in limits.exposure:
        noted, possible = (money(policy, exposure.asset, sum_)["text"] for sum_ in (exposure.noted, exposure.possible))
        say(f"  a. signed and not noted as final, wallet {exposure.wallet}: {noted} noted, {possible} possible")
    if not limits.exposure:
        say("  a. signed and not final: nothing")
    for row in limits.allowances:
        most = money(policy, row.asset, row.amount)["text"]
        say(f"  a. allowed to be drawn from wallet {row.wallet}: {most} at most, by {row.spender}")
    until = day(limits.last_until) if limits.last_until else "nothing is open"
    say(f"  b. order and moment are the coordinator's until {until}; a rule lets a transfer wait "
        f"{span(limits.longest_wait)} at most")  # fmt: skip
    for cap in (*limits.fees, *limits.limits):
        what = "c. " if cap in limits.fees else "hot limit "
        used, most = (_sum(policy, cap, amount) for amount in (cap.used, cap.maximum))
        say(f"  {what}{cap.name}, {cap.subject}: {used} of {most} in {span(cap.seconds)}")
    say(f"  d. deposit addresses given out: {limits.deposit_addresses}")
    routes = [f"{name}: {', '.join(found)}" for name, found in limits.routes_without_the_log.items() if found]
    say(f"  e. ways to move funds without the log: {'; '.join(routes) or 'none'}")
    say(f"  f. keys that one bug in the threshold ECDSA library would reach: {', '.join(limits.one_library) or 'none'}")
    say(f"  g. listed addresses whose code could change if they are contracts: {limits.listed}")


def _sum(policy: Policy, cap: Cap, amount: int) -> str:
    """Base units of the cap's asset with its symbol; a value with the unit of account."""
    from strongroom.custody.words import money
    from strongroom.documents.decimal import show

    if policy.valuation is None or cap.asset:
        return str(money(policy, cap.asset, amount)["text"])
    return f"{show(amount, policy.valuation.decimals)} {policy.valuation.unit}"


def _either(groups: tuple[frozenset[str], ...], most: int = 4) -> str:
    """`a + b, or a + c`: the equally small sets, the first few of them."""
    shown = [" + ".join(sorted(group)) for group in groups[:most]]
    more = f", or {len(groups) - most} more" if len(groups) > most else ""
    return (", or ".join(shown) + more) or "nobody"


def register(app: typer.Typer) -> None:
    """The command at the top level."""
    app.command("posture", epilog=example("strongroom posture", "strongroom posture log.bundle --json"))(posture)
