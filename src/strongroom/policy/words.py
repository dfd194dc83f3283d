"""A policy in plain words, from the document that people sign: every figure exact, nothing left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from strongroom.documents.amount import parse_amount
from strongroom.documents.decimal import show

Doc = Mapping[str, Any]

_UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def duration(seconds: int) -> str:
    """Seconds in the largest unit that divides them: `10 minutes`."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}" + ("" if count == 1 else "s")


def moment(time_ms: int) -> str:
    """UTC to the second: `2026-11-21 10:24:42 UTC`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def either(names: Iterable[str], none: str = "nobody") -> str:
    """Alternatives in one phrase: `a, b or c`."""
    *most, last = [*names] or [none]
    return f"{', '.join(most)} or {last}" if most else last


def money(assets: Doc, asset: str, amount: str) -> str:
    """Base units of an asset with its symbol; of an asset that the policy does not name, as they stand."""
    unit = assets.get(asset)
    return f"{show(parse_amount(amount), unit['decimals'])} {unit['symbol']}" if unit else f"{amount} units of {asset}"


def value(valuation: Doc | None, amount: str) -> str:
    """A value with the unit of account."""
    if valuation is None:
        return f"{amount} of the smallest unit of account"
    return f"{show(parse_amount(amount), valuation['decimals'])} {valuation['unit']}"


def sentence(rule: Doc, assets: Doc, valuation: Doc | None = None) -> str:
    """A rule of the document in one sentence; `assets` and `valuation` as they stand in the document."""
    when = "; ".join(phrases(rule["when"], assets, valuation)) or "always"
    said = f"denied: {rule['deny']}" if "deny" in rule else "; ".join(terms(rule["allow"], rule["when"], assets))
    return f"{when[0].upper()}{when[1:]} → {said}"


def phrases(when: Doc, assets: Doc, valuation: Doc | None = None) -> list[str]:
    """What a condition asks, one phrase for each part that stands there; all of them must hold."""
    who = when.get("initiator")
    found = [f"by {either([*who.get('members', []), *_of('group', who.get('groups', []))])}"] if who else []
    source = when.get("source", {})
    for part, word in (("wallets", "wallet"), ("tiers", "a wallet of tier"), ("accounts", "account")):
        found += [f"from {word} {either(source[part], 'none')}"] if part in source else []
    if when.get("destination"):
        found.append(f"to {either(_destinations(when['destination']), 'no one')}")
    if "asset" in when:
        found.append(f"of {either((assets[asset]['symbol'] for asset in when['asset']), 'nothing')}")
    if "operation" in when:
        found.append(f"as {either(map(_operation, when['operation']), 'nothing')}")
    asset = next(iter(when.get("asset", [])), "")
    found += [_between(when["amount"], lambda amount: money(assets, asset, amount))] if when.get("amount") else []
    for over in when.get("over_time", []):
        most = value(valuation, over["max_value"]) if "max_value" in over else money(assets, asset, over["max"])
        found.append(f"{window(over)}, this one and its fee included, at most {most}")
    if when.get("value"):
        found.append(f"worth {_between(when['value'], lambda amount: value(valuation, amount))}")
    return found


def window(shape: Doc) -> str:
    """A rolling window: `in 1 day per initiator`."""
    return f"in {duration(shape['seconds'])} per {shape['per']}"


def approvals(alternatives: Sequence[Sequence[Doc]]) -> str:
    """An OR of ANDs of groups: `2 of treasury and 1 of risk, or 3 of board`."""
    each = (" and ".join(f"{need['threshold']} of {need['group']}" for need in needs) for needs in alternatives)
    return ", or ".join(each)


def terms(allow: Doc, when: Doc, assets: Doc) -> list[str]:
    """What an allowing rule demands, one phrase for each term; defaults that demand nothing are not said."""
    asked = allow["approvals"]
    found = [f"allowed with approvals by {approvals(asked)}" if asked else "allowed without approvals"]
    if asked:
        found.append(f"the initiator {'may' if allow['initiator_may_approve'] else 'does not'} approve")
    if allow.get("surface") == "approver":
        found.append("approved on the approver's own machine")
    found += ["approved by passkeys that cannot be synced"] if allow.get("device_bound") else []
    screening = allow.get("screening")
    if screening:
        found.append(f"cleared by {either(screening['services'])} within {duration(screening['max_age'])}")
    found += [f"after a delay of {duration(allow['delay'])}"] if allow["delay"] else []
    if allow.get("keys") is not None:
        found.append(f"signed by key {either(allow['keys'], 'none')} only")
    found.append(f"open for at most {duration(allow['expiry'])}")
    return [*found, f"fee at most {_fee(allow['fee_ceiling'], when, assets)}"]


def _fee(ceiling: str, when: Doc, assets: Doc) -> str:
    """In the native coin of each chain that the rule is about."""
    chains = {asset.partition("/")[0] for asset in when.get("asset", assets)}
    coins = (asset for asset in assets if "/slip44:" in asset and asset.partition("/")[0] in chains)
    return either(dict.fromkeys(money(assets, coin, ceiling) for coin in coins), f"{ceiling} base units")


def _of(kind: str, names: Iterable[str]) -> list[str]:
    return [f"{kind} {name}" for name in names]


def _between(bounds: Doc, shown: Callable[[str], str]) -> str:
    if "min" in bounds and "max" in bounds:
        return f"{shown(bounds['min'])} to {shown(bounds['max'])}"
    return f"at most {shown(bounds['max'])}" if "max" in bounds else f"at least {shown(bounds['min'])}"


def _destinations(to: Doc) -> list[str]:
    """The ways in which a destination may be known."""
    found = [*to.get("accounts", [])]
    qualified = f" with tag {either(to['tags'], 'none')}" if "tags" in to else ""
    qualified += f" that has been usable for {duration(to['listed_for'])}" if "listed_for" in to else ""
    found += [f"an address of list {name}{qualified}" for name in to.get("listed", [])]
    found += ["an own wallet"] if to.get("own_wallets") else []
    return found + (["an address that is on no list"] if to.get("one_time") else [])


def _operation(operation: str | Doc) -> str:
    if isinstance(operation, str):
        return f"a {operation}"
    if "message" in operation:
        return f"the message '{operation['message']}'"
    shape = operation["call"]
    said = f"a call of {shape['method']} on {either(shape['contracts'], 'no contract')}"
    return " with ".join([said, *filter(None, [" and ".join(map(constraint, shape.get("arguments", [])))])])


def constraint(spec: Doc) -> str:
    """What must hold of an argument of a call (counted from 1), or of a field of a message."""
    name = f"argument {spec['index'] + 1}" if "index" in spec else spec["field"]
    if spec.get("own_wallet"):
        return f"{name} an own wallet"
    return f"{name} {either(spec['is'], 'nothing') if 'is' in spec else _between(spec, str)}"
