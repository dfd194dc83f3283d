"""Reading what the house holds and how much of it may move: tiers, chains, assets, limits, and who values them."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.documents.amount import parse_amount
from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_asset, parse_label
from strongroom.errors import InvalidInput
from strongroom.policy import model
from strongroom.policy.model import Limit, Per, Policy, WindowShape
from strongroom.policy.reading import count, known, since, strings, window

Groups = Mapping[str, frozenset[str]]


def parse_tier(name: str, spec: object, fold: int) -> model.Tier:
    """A tier of that name, its ceilings as limits."""
    later = since(fold, ceiling=dict, requests=bool)
    doc = fields(spec, f"policy.tiers.{name}", {"checkpoint_age": int, "schemes": list}, later)
    age, schemes = count("checkpoint_age", doc["checkpoint_age"], 1), strings(f"tiers.{name}.schemes", doc["schemes"])
    out = into = None
    if "ceiling" in doc:
        shape = {"seconds": int, "out": str | None, "in": str | None}
        ceiling = fields(doc["ceiling"], f"ceiling of {name}", shape)
        seconds, _ = window(f"ceiling of {name}", ceiling["seconds"], Per.SOURCE)
        out = _ceiling(f"out of tier {name}", seconds, Per.OUT_OF_TIER, ceiling["out"])
        into = _ceiling(f"into tier {name}", seconds, Per.INTO_TIER, ceiling["in"])
    return model.Tier(age, frozenset(schemes), out, into, doc.get("requests", False))


def _ceiling(name: str, seconds: int, per: Per, most: str | None) -> Limit | None:
    return None if most is None else Limit(name, WindowShape.of_values(seconds, per), parse_amount(most))


def parse_chain_terms(name: str, spec: object) -> model.ChainTerms:
    """A chain's terms, its fee window as a limit."""
    doc = fields(spec, f"policy.chains.{name}", {"confirmations": int, "native": str, "fee_window": dict})
    fees = fields(doc["fee_window"], f"fee window of {name}", {"seconds": int, "max": str})
    native = parse_asset(doc["native"])
    if not native.startswith(name + "/"):
        raise InvalidInput("policy.asset_chain", f"{native} is not on chain {name}")
    shape = WindowShape(native, *window(f"chains.{name}", fees["seconds"], Per.SOURCE), fees_only=True)
    limit = Limit(f"fees on {name}", shape, parse_amount(fees["max"]))
    return model.ChainTerms(count("confirmations", doc["confirmations"], 1), native, limit)


def parse_asset_terms(name: str, spec: object) -> model.Asset:
    """How an asset is shown."""
    doc = fields(spec, f"policy.assets.{name}", {"symbol": str, "decimals": int})
    return model.Asset(parse_label(doc["symbol"]), count(f"assets.{name}.decimals", doc["decimals"], most=77))


def parse_address_group(name: str, spec: object, groups: Groups) -> model.AddressGroup:
    """Who lists destinations on the list of that name."""
    where = f"address group '{name}'"
    doc = fields(spec, where, {"group": str, "threshold": int, "age": int})
    return model.AddressGroup(_of_group(where, doc["group"], doc["threshold"], groups), count("age", doc["age"]))


def parse_valuation(spec: object, groups: Groups) -> model.Valuation:
    """The unit of account, and who states prices in it."""
    shape = {"unit": str, "decimals": int, "group": str, "threshold": int, "max_age": int}
    doc = fields(spec, "policy.valuation", shape)
    quorum = _of_group("the valuation", doc["group"], doc["threshold"], groups)
    decimals = count("valuation.decimals", doc["decimals"], most=77)
    return model.Valuation(parse_label(doc["unit"]), decimals, quorum, count("max_age", doc["max_age"], 1))


def _of_group(where: str, group: str, threshold: int, groups: Groups) -> model.Quorum:
    members = groups.get(group, frozenset())
    if not 1 <= threshold <= len(members):
        raise InvalidInput("policy.quorum_unmet", f"{where} asks {threshold} of {len(members)} people")
    return model.Quorum(members, threshold)


def parse_limit(where: str, spec: object, fold: int) -> Limit:
    """A hard cap on amounts of an asset, or on values."""
    common = {"name": str, "seconds": int, "per": str}
    if fold > 1 and isinstance(spec, dict) and "max_value" in spec:
        doc = fields(spec, f"policy.{where}", {**common, "max_value": str})
        shape = WindowShape.of_values(*window(where, doc["seconds"], doc["per"]))
        return Limit(parse_label(doc["name"]), shape, parse_amount(doc["max_value"]))
    doc = fields(spec, f"policy.{where}", {**common, "asset": str, "max": str})
    shape = WindowShape(parse_asset(doc["asset"]), *window(where, doc["seconds"], doc["per"]))
    return Limit(parse_label(doc["name"]), shape, parse_amount(doc["max"]))


def check_limits(policy: Policy) -> None:
    """Every asset that is counted is named, and values are bounded only where somebody states prices."""
    ceilings = [ceiling for tier in policy.tiers.values() for ceiling in (tier.out, tier.into) if ceiling]
    for limit in (*policy.limits, *ceilings):
        if not limit.window.values:
            known("policy.asset_unknown", f"limit '{limit.name}'", [limit.window.asset], policy.assets)
        elif policy.valuation is None:
            raise InvalidInput("policy.valuation_missing", f"'{limit.name}' bounds values: somebody must state prices")
    known("policy.asset_unknown", "chains", [terms.native for terms in policy.chains.values()], policy.assets)
