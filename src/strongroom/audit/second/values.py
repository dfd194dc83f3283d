"""Prices, and what an amount is worth by them."""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.audit.second.facts import Document, Facts, Prices
from strongroom.audit.second.history import UNPRICED


def unpriced(policy: Document, facts: Facts, assets: Iterable[str]) -> str:
    """The code that denies for want of a price of one of these assets; empty when there are all."""
    needed = list(assets)
    if not needed:
        return ""
    if facts.prices is None or any(_price(policy, facts.prices, asset) is None for asset in needed):
        return "valuation.missing"
    return "valuation.stale" if facts.latest > facts.prices.observed + 1000 * policy["valuation"]["max_age"] else ""


def worth(policy: Document, prices: Prices | None, asset: str, amount: int) -> int:
    """The value of an amount by some prices, however old."""
    price = _price(policy, prices, asset)
    if not amount or price is None:
        return UNPRICED if amount else 0
    whole: int = 10 ** (int(policy["assets"][asset]["decimals"]) + 9)
    return -(-amount * price // whole)


def _price(policy: Document, prices: Prices | None, asset: str) -> int | None:
    if "valuation" not in policy or prices is None or asset not in policy["assets"]:
        return None
    return prices.prices.get(asset) or None
