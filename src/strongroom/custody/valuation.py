"""Prices enter the log by their own quorum; what an amount is worth by them."""

from __future__ import annotations

from immutables import Map

from strongroom.custody.authority import in_force, people, require_quorum
from strongroom.custody.limits import revalued
from strongroom.custody.record import replace
from strongroom.custody.state import CustodyState, Prices
from strongroom.documents.amount import parse_amount
from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_asset
from strongroom.errors import Refused
from strongroom.log.entry import Entry


def on_stated(state: CustodyState, entry: Entry) -> CustodyState:
    """The valuation's quorum states prices; the first ones value what was authorized before there were any."""
    body = fields(entry.body, "valuation.stated", {"prices": dict, "observed": int})
    policy = in_force(state)
    if policy.valuation is None:
        raise Refused("valuation.unknown", "by the policy nobody states prices")
    require_quorum(policy.valuation.quorum, people(state, entry, "valuation.state", body), "stating prices")
    if not (state.prices.observed if state.prices else 0) < body["observed"] <= entry.time:
        raise Refused("valuation.not_newer", "prices are observed before they are stated, and after those before them")
    table = {parse_asset(asset): parse_amount(price) for asset, price in body["prices"].items()}
    prices = Prices(body["observed"], Map({asset: price for asset, price in table.items() if price}))
    return replace(state if state.prices else revalued(state, policy, prices), prices=prices)
