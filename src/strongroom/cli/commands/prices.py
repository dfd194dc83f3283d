"""`strongroom price …`: what assets are worth in the policy's unit of account."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from strongroom.cli.output import Json, emit, example, say, table
from strongroom.cli.profile import joined, load

app = typer.Typer(help="Prices by which the policy compares assets: look, state.", no_args_is_help=True)

FINER = 9
"""A price has so many more decimals than the unit of account."""


@app.command("list", epilog=example("strongroom price list"))
def list_prices(as_json: Json = False) -> None:
    """The newest prices, and how long they hold; everything that needs another one is denied."""
    from strongroom.cli.timeline import clock
    from strongroom.documents.decimal import show

    found = load().client().get("/v1/policy")
    valuation, assets = _valuation(found["policy"]), found["policy"]["assets"]
    prices = found["prices"] or {"observed": 0, "table": {}}

    def human() -> None:
        rows = [
            (assets[name]["symbol"] if name in assets else name, show(int(price), valuation["decimals"] + FINER))
            for name, price in sorted(prices["table"].items())
        ]
        table(("asset", f"{valuation['unit']} for one"), rows, "nobody has stated prices yet")
        if rows:
            say(f"observed {clock(prices['observed'])} UTC; they hold until "
                f"{clock(prices['observed'] + 1000 * valuation['max_age'])} UTC")  # fmt: skip

    emit({"valuation": valuation, "prices": found["prices"]}, as_json, human)


@app.command(epilog=example("strongroom price state ETH=2315.40 LUSD=0.92 --observed 1790000000000"))
def state(
    prices: Annotated[list[str], typer.Argument(metavar="ASSET=PRICE…", help="All of them: the newest word is whole.")],
    observed: Annotated[int, typer.Option(help="When, in unix ms; all who sign say the same. Left out: now.")] = 0,
    as_json: Json = False,
) -> None:
    """State what one of each asset is worth, as one of those whom the policy lets; takes their threshold."""
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in, now_ms

    profile = joined()
    client = profile.client()
    policy = client.get("/v1/policy")["policy"]
    when = observed or now_ms()
    subject = {"prices": dict(_price(policy, text) for text in prices), "observed": when}
    answer = hand_in(profile, client, "valuation.state", subject)
    if answer.get("status") == "collected" and not as_json:
        say(f"the others add: --observed {when}")
    settle(answer, as_json, f"{len(prices)} prices are stated")


def _valuation(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy's valuation; raises InvalidInput valuation.unknown."""
    from strongroom.errors import InvalidInput

    if "valuation" not in policy:
        raise InvalidInput("valuation.unknown", "by the policy nobody states prices", "see: docs/guides/prices.md")
    found: dict[str, Any] = policy["valuation"]
    return found


def _price(policy: dict[str, Any], text: str) -> tuple[str, str]:
    """The asset and its price as stated, of ASSET=PRICE; raises InvalidInput."""
    from strongroom.documents.amount import format_amount
    from strongroom.documents.decimal import parse_decimal
    from strongroom.errors import InvalidInput

    name, _, price = text.partition("=")
    named = [
        asset for asset, unit in policy["assets"].items() if name == asset or name.lower() == unit["symbol"].lower()
    ]
    if len(named) != 1:
        raise InvalidInput("asset.unknown", f"the policy names no single asset '{name[:64]}'", "name it by CAIP-19")
    return named[0], format_amount(parse_decimal(price, _valuation(policy)["decimals"] + FINER))
