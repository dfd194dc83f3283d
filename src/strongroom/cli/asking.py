"""A question to the policy without a proposal: the facts of an intent, or of a transfer, from a verified state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from strongroom.api.views import wallets_document
from strongroom.cli.resolve import account_of, amount_of, asset_of, transfer_id, wallet_of
from strongroom.custody.authority import in_force
from strongroom.custody.decision import request_of, sums_for
from strongroom.custody.intents import barred, parse_intent
from strongroom.custody.limits import resummed, usage
from strongroom.custody.moment import Moment
from strongroom.custody.state import CustodyState
from strongroom.custody.stops import transfer_of
from strongroom.documents.amount import format_amount
from strongroom.errors import Denied, InvalidInput
from strongroom.policy.evaluate import Request, Usage
from strongroom.policy.model import Policy

Question = tuple[Request, Usage]
"""The facts of a request, and the sums that count against it."""


def under(state: CustodyState, policy: Policy) -> CustodyState:
    """The state as it would be were this policy in force from now on."""
    return replace(state, policy=policy, windows=resummed(state, policy))


def intent_of(state: CustodyState, source: str, to: str, asset: str, amount: str) -> dict[str, Any]:
    """A payment as an intent, from what people type; raises InvalidInput."""
    wallets = wallets_document(state, {})["wallets"]
    assets, wallet = in_force(state).document["assets"], wallet_of(wallets, source)
    named = asset_of(assets, asset, wallet["chain"])
    return {
        "from": source,
        "to": account_of(to, wallet["chain"], wallets),
        "asset": named,
        "amount": format_amount(amount_of(amount, assets[named]["decimals"], base_units=False)),
        "why": "",
        "until": state.time,
        "idempotency": "a question",
    }


def asked(state: CustodyState, initiator: str, subject: dict[str, Any]) -> Question:
    """What would be decided of an intent, were it proposed now; raises InvalidInput, or Denied before any rule."""
    intent, moment = parse_intent(subject, state), Moment.at(state.time)
    wallet_of(wallets_document(state, {})["wallets"], intent.wallet)
    if initiator not in in_force(state).members:
        raise InvalidInput("person.unknown", f"the policy has no member '{initiator}'", "name who proposes: --by NAME")
    refused = barred(state, intent, moment)
    if refused:
        raise Denied(refused.code, refused.reason)
    return request_of(state, intent, initiator, moment), usage(state, state.time)


def asked_again(state: CustodyState, text: str) -> Question:
    """What is decided of a transfer of the log (its id, or its beginning) by the policy of the state."""
    transfer = transfer_of(state, transfer_id([{"id": name} for name in state.transfers], text))
    fee = max((payload.fee for payload in transfer.payloads), default=0)
    kept = transfer.authorization.prices if transfer.authorization else None
    request = request_of(state, transfer.intent, transfer.initiator, Moment.at(state.time), fee, kept)
    return request, sums_for(state, transfer)
