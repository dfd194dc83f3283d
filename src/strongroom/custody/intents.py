"""What an initiator asks for: read from the statement, with the facts that rules look at; and the payload it means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from strongroom.chains.evm.calls import allowance, objection
from strongroom.chains.evm.transaction import MESSAGE, decode
from strongroom.chains.evm.transfer import NATIVE, Call, call, check, null_call
from strongroom.custody.authority import in_force
from strongroom.custody.moment import Moment
from strongroom.custody.state import CustodyState, Intent, Transfer
from strongroom.documents import names
from strongroom.documents.amount import parse_amount
from strongroom.documents.canonical import encode, fields
from strongroom.documents.names import AccountId, AssetId, ChainId
from strongroom.documents.typed import parse_message, preimage
from strongroom.errors import InvalidInput, Refused
from strongroom.policy.calls import ContractCall
from strongroom.policy.evaluate import Denied

_EVERY: Final = {"from": str, "why": str, "until": int, "idempotency": str}


def parse_intent(subject: object, state: CustodyState) -> Intent:
    """The intent inside a propose statement; raises InvalidInput."""
    if isinstance(subject, dict) and "call" in subject:
        doc = fields(subject, "intent", {**_EVERY, "call": dict})
        about = _of_call(doc["call"])
    elif isinstance(subject, dict) and "message" in subject:
        doc = fields(subject, "intent", {**_EVERY, "message": dict})
        about = _of_message(doc, state)
    else:
        doc = fields(subject, "intent", {**_EVERY, "to": str, "asset": str, "amount": str})
        amount = parse_amount(doc["amount"])
        about = {"to": names.parse_account(doc["to"]), "asset": names.parse_asset(doc["asset"]), "amount": amount}
        if amount == 0:
            raise InvalidInput("amount.zero", "a transfer moves at least one base unit")
    key = names.parse_label(doc["idempotency"])
    if not key:
        raise InvalidInput("intent.idempotency", "an intent carries an idempotency key")
    wallet, why = names.parse_slug(doc["from"]), names.parse_label(doc["why"])
    return Intent(wallet=wallet, why=why, until=doc["until"], idempotency=key, **about)


def _of_call(doc: dict[str, Any]) -> dict[str, Any]:
    """An approve is about its spender and the allowance; any other call about the contract and the coins it takes."""
    found = fields(doc, "call", {"to": str, "value": str, "data": str})
    contract, value = names.parse_account(found["to"]), parse_amount(found["value"])
    made, (chain, address) = ContractCall(contract, names.parse_hex(found["data"])), names.split_account(contract)
    allowed = allowance(value, made.data)
    if allowed is None:
        return {"to": contract, "asset": _native(chain), "amount": value, "call": made}
    spender, asset = AccountId(f"{chain}:{allowed[0]}"), AssetId(f"{chain}/erc20:{address}")
    return {"to": spender, "asset": asset, "amount": allowed[1], "call": made}


def _of_message(doc: dict[str, Any], state: CustodyState) -> dict[str, Any]:
    """A message is about the account that signs it, and moves nothing."""
    message, wallet = encode(doc["message"]), state.wallets.get(doc["from"])
    parse_message(message)  # or refuse its shape
    if wallet is None:
        raise InvalidInput("wallet.unknown", "there is no such wallet", "see: strongroom wallet list")
    own, coin = AccountId(f"{wallet.chain}:{wallet.address}"), _native(wallet.chain)
    return {"to": own, "asset": coin, "amount": 0, "message": message}


def _native(chain: ChainId) -> AssetId:
    return AssetId(f"{chain}/{NATIVE}")


def usable_wallets(state: CustodyState, chain: ChainId, moment: Moment) -> Callable[[str], bool]:
    """Whether an address is that of an own wallet on the chain, open and usable."""

    def own(address: str) -> bool:
        wallet = state.wallets.get(state.accounts.get(AccountId(f"{chain}:{address}"), ""))
        return wallet is not None and not wallet.closed and wallet.usable <= moment.earliest

    return own


def barred(state: CustodyState, intent: Intent, moment: Moment) -> Denied | None:
    """Why an operation is refused before any rule is asked: codes operation.* and message.*."""
    if intent.call is not None:
        known = objection(wanted(intent).value, intent.call.data)
        if known is None and intent.call.contract in state.accounts:
            known = "operation.not_a_contract", "it calls an own wallet"
        return Denied(*known) if known else None
    if intent.message:
        message, chain = parse_message(intent.message), state.wallets[intent.wallet].chain
        schema = in_force(state).messages.get(message.schema)
        if schema is None or schema.chain != chain or not schema.describes(message):
            return Denied("message.unknown_type", "the policy has no schema of this name that is exactly this")
        if not schema.admits(message, usable_wallets(state, chain, moment)):
            return Denied("message.not_allowed", f"a field is not as the schema '{message.schema}' asks")
    return None


def wanted(intent: Intent) -> Call:
    """The one call that a payment of this intent makes; raises InvalidInput."""
    if intent.call is None:
        return call(intent.asset, intent.to, intent.amount)
    chain, contract = names.split_account(intent.call.contract)
    return Call(contract, intent.amount if intent.asset == _native(chain) else 0, intent.call.data)


def checked(state: CustodyState, transfer: Transfer, raw: bytes, *, null: bool, nonce: int, fee_ceiling: int) -> int:
    """The worst-case fee of a payload that does exactly what the intent says, or (null) nothing; raises payload.*."""
    intent, wallet = transfer.intent, state.wallets[transfer.intent.wallet]
    if not intent.message:
        expected = null_call(wallet.address) if null else wanted(intent)
        return check(raw, chain=wallet.chain, expected=expected, nonce=nonce, fee_ceiling=fee_ceiling)
    if raw[:2] != MESSAGE:
        decode(raw)  # or say what else it is no payload of
        raise Refused("payload.tx_type", "a transaction is no message: its payload begins with 0x1901 (EIP-712)")
    if raw != preimage(parse_message(intent.message)):
        raise Refused("payload.data_differs", "the payload is that of another message")
    return 0
