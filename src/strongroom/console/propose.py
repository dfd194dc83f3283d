"""The form for a transfer, the policy's answer while it is filled in, and the page that signs it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom.chains.evm.checksum import parse_address
from strongroom.console import describe
from strongroom.console.console import Console
from strongroom.console.sign import signing
from strongroom.console.trial import Trial, denied, tried
from strongroom.console.workspace import coins_first
from strongroom.custody.state import CustodyState, Wallet
from strongroom.documents.amount import format_amount
from strongroom.documents.decimal import parse_decimal
from strongroom.documents.names import AssetId
from strongroom.errors import InvalidInput, StrongroomError
from strongroom.pages.acts import ACTS, HOUR_MS
from strongroom.pages.forms import need, read_query

HOURS: Final = (("1", "within an hour"), ("24", "within a day"), ("168", "within a week"))
_UNTOUCHED: Final = Trial("open", "The policy answers here as you write.")


def routes(console: Console) -> list[Route]:
    """Form, live answer, and the page that signs."""

    async def form(request: Request) -> Response:
        visitor, given = console.visitor(request), read_query(request)
        state, assets = console.state, sorted(console.policy.assets.items(), key=coins_first)
        wallets = sorted((w for w in state.wallets.values() if not w.closed), key=lambda wallet: wallet.name)
        known = {str(row.account): f"{row.label} ({row.group})" for row in state.addresses.values()}
        known |= {f"{w.chain}:{w.address}": f"own wallet {w.name}" for w in wallets}
        return console.page(
            "propose.html", "transfers", visitor, wallets=wallets, assets=assets, hours=HOURS,
            given=given, known=sorted(known.items(), key=lambda row: row[1]), answer=_UNTOUCHED,
            idempotency=given.get("idempotency") or secrets.token_hex(16),
        )  # fmt: skip

    async def answer(request: Request) -> Response:
        visitor, given = console.visitor(request), read_query(request)
        if not (given.get("to") and given.get("amount")):
            return JSONResponse(_UNTOUCHED.to_doc())
        try:
            subject = subject_of(console.state, given, console.clock())
        except StrongroomError as error:
            return JSONResponse(denied(error).to_doc())
        return JSONResponse(tried(console.state, visitor.person, visitor.key, subject, console.clock()).to_doc())

    async def review(request: Request) -> Response:
        visitor, given = console.visitor(request), read_query(request)
        act = ACTS["transfer.propose"]
        subject = subject_of(console.state, given, console.clock())
        found = tried(console.state, visitor.person, visitor.key, subject, console.clock())
        box = None if found.verdict == "denied" else signing(console, visitor, act, subject)
        return console.page(
            "review.html", "transfers", visitor, act=act, rows=describe.intent(console, subject), signing=box,
            answer=found, back=f"/propose?{request.url.query}",
        )  # fmt: skip

    return [Route("/propose", form), Route("/propose/answer", answer), Route("/propose/review", review)]


def subject_of(state: CustodyState, given: Mapping[str, str], now: int) -> dict[str, Any]:
    """The intent that the form describes; raises InvalidInput for what a person has to mend."""
    wallet = state.wallets.get(need(given, "from"))
    if wallet is None or state.policy is None:
        raise InvalidInput("wallet.unknown", "choose the wallet to send from")
    asset = AssetId(need(given, "asset"))
    unit = state.policy.assets.get(asset)
    if unit is None:
        raise InvalidInput("asset.unknown", "choose what to send")
    hours = need(given, "hours")
    if hours not in dict(HOURS):
        raise InvalidInput("intent.until", "choose until when it may go")
    return {
        "from": wallet.name,
        "to": _account(state, wallet, need(given, "to")),
        "asset": asset,
        "amount": format_amount(parse_decimal(need(given, "amount").replace(",", ""), unit.decimals)),
        "why": given.get("why", ""),
        "until": now + int(hours) * HOUR_MS,
        "idempotency": need(given, "idempotency"),
    }


def _account(state: CustodyState, wallet: Wallet, text: str) -> str:
    """A destination on the wallet's chain, written as an account, an address, or an own wallet's name."""
    own = state.wallets.get(text)
    if own is not None:
        return f"{own.chain}:{own.address}"
    chain, _, address = text.rpartition(":")
    return f"{chain or wallet.chain}:{parse_address(address)}"
