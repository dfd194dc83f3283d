"""A payload, a call or a message in plain words, read from its bytes and from nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from strongroom.chains.effects import Denomination, Payment
from strongroom.chains.evm.calls import allowance
from strongroom.chains.evm.checksum import checksum
from strongroom.chains.evm.effects import effects
from strongroom.chains.evm.transaction import MESSAGE, decode, digest
from strongroom.chains.evm.transfer import NATIVE, Call
from strongroom.documents.abi import Method, words
from strongroom.documents.decimal import show
from strongroom.documents.names import AssetId, ChainId, split_account
from strongroom.documents.typed import TypedMessage
from strongroom.errors import InvalidInput, Refused

Assets = Mapping[AssetId, Denomination]


def explain(payload: bytes, assets: Assets, methods: Collection[Method] = ()) -> list[str]:
    """Lines that say what is paid to whom, what it may cost, which nonce on which chain; raises as decode."""
    if payload[:2] == MESSAGE:
        return [f"signs a typed message with the hash 0x{digest(payload).hex()}; it is no transaction"]
    tx = decode(payload)
    native = AssetId(f"eip155:{tx.chain_id}/{NATIVE}")
    try:
        paid = [_payment(payment, assets) for payment in effects(tx).payments]
    except Refused:
        paid = explain_call(ChainId(f"eip155:{tx.chain_id}"), Call(tx.to, tx.value, tx.data), assets, methods)
    fee = _amount(native, tx.worst_fee, assets)
    per_gas = f"{tx.gas} gas at no more than {tx.max_fee} wei, {tx.max_priority_fee} wei of it priority"
    return [
        *(paid or [f"pays nothing; only consumes the nonce, by a call to {checksum(tx.to)}"]),
        f"costs at most {fee} in fees ({per_gas})",
        f"consumes nonce {tx.nonce} on chain eip155:{tx.chain_id}",
    ]


def explain_call(chain: ChainId, call: Call, assets: Assets, methods: Collection[Method] = ()) -> list[str]:
    """What a call that is no payment does: whom it lets spend how much, or its arguments by one of the methods."""
    allowed = allowance(call.value, call.data)
    if allowed is not None:
        most = _amount(AssetId(f"{chain}/erc20:{call.to}"), allowed[1], assets)
        return [f"lets {checksum(allowed[0])} spend {most}"]
    value = _amount(AssetId(f"{chain}/{NATIVE}"), call.value, assets)
    for method in methods:
        try:
            arguments = words(method, call.data)
        except InvalidInput:
            continue
        shown = [
            f"argument {index} ({kind}): {checksum(text) if kind == 'address' else text}"
            for index, (kind, text) in enumerate(zip(method.types, arguments, strict=True))
        ]
        return [f"calls {method.signature} of {checksum(call.to)} with {value}", *shown]
    return [f"calls {checksum(call.to)} with {value} and {len(call.data)} bytes of unknown calldata"]


def explain_message(message: TypedMessage) -> list[str]:
    """What a typed message says, value by value; what is invisible in a text is escaped."""
    domain = ", ".join(f"{name} {_visible(text)}" for name, text in message.domain.items())
    return [
        f"signs the message {message.primary_type} of schema '{message.schema}' for {domain}",
        *_said(message.fields),
    ]


def _said(values: Mapping[str, Any], above: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        path = f"{above}{name}"
        lines += _said(value, f"{path}.") if isinstance(value, dict) else [f"{path}: {_visible(value)}"]
    return lines


def _visible(value: object) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(value))


def _payment(payment: Payment, assets: Assets) -> str:
    recipient = checksum(split_account(payment.to)[1])
    return f"pays {_amount(payment.asset, payment.amount, assets)} to {recipient}"


def _amount(asset: AssetId, amount: int, assets: Assets) -> str:
    unit = assets.get(asset)
    if unit is None:
        return f"{amount} base units of {asset}"
    # The symbol is only a name that somebody chose: the base units and the asset's id are what is signed.
    return f"{show(amount, unit.decimals)} {unit.symbol} ({amount} base units of {asset})"
