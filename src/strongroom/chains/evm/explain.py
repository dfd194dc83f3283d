"""A payload in plain words, read from its bytes and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.chains.effects import Denomination, Payment
from strongroom.chains.evm.checksum import checksum
from strongroom.chains.evm.effects import effects
from strongroom.chains.evm.transaction import decode
from strongroom.chains.evm.transfer import NATIVE
from strongroom.documents.decimal import show
from strongroom.documents.names import AssetId, split_account
from strongroom.errors import Refused


def explain(payload: bytes, assets: Mapping[AssetId, Denomination]) -> list[str]:
    """Lines that say what is paid to whom, what it may cost, which nonce on which chain; raises as decode."""
    tx = decode(payload)
    native = AssetId(f"eip155:{tx.chain_id}/{NATIVE}")
    try:
        paid = [_payment(payment, assets) for payment in effects(tx).payments]
    except Refused:
        value = _amount(native, tx.value, assets)
        paid = [f"calls {checksum(tx.to)} with {value} and {len(tx.data)} bytes of unknown calldata"]
    fee = _amount(native, tx.worst_fee, assets)
    per_gas = f"{tx.gas} gas at no more than {tx.max_fee} wei, {tx.max_priority_fee} wei of it priority"
    return [
        *(paid or [f"pays nothing; only consumes the nonce, by a call to {checksum(tx.to)}"]),
        f"costs at most {fee} in fees ({per_gas})",
        f"consumes nonce {tx.nonce} on chain eip155:{tx.chain_id}",
    ]


def _payment(payment: Payment, assets: Mapping[AssetId, Denomination]) -> str:
    recipient = checksum(split_account(payment.to)[1])
    return f"pays {_amount(payment.asset, payment.amount, assets)} to {recipient}"


def _amount(asset: AssetId, amount: int, assets: Mapping[AssetId, Denomination]) -> str:
    unit = assets.get(asset)
    if unit is None:
        return f"{amount} base units of {asset}"
    # The symbol is only a name that somebody chose: the base units and the asset's id are what is signed.
    return f"{show(amount, unit.decimals)} {unit.symbol} ({amount} base units of {asset})"
