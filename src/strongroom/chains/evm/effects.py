"""What a decoded transaction does, for words: a signer instead compares bytes with the intent's call."""

from __future__ import annotations

from strongroom.chains.effects import Effects, Payment
from strongroom.chains.evm.transaction import UnsignedTransaction
from strongroom.chains.evm.transfer import NATIVE, token_payment
from strongroom.documents.names import AccountId, AssetId, ChainId
from strongroom.errors import Refused


def effects(tx: UnsignedTransaction) -> Effects:
    """All that a transaction does; raises payload.unknown_call on calldata other than a token transfer."""
    chain = ChainId(f"eip155:{tx.chain_id}")
    payments: tuple[Payment, ...]
    if not tx.data:
        native = Payment(AssetId(f"{chain}/{NATIVE}"), AccountId(f"{chain}:{tx.to}"), tx.value)
        payments = (native,) if tx.value else ()
    else:
        token = token_payment(tx.data)
        if token is None or tx.value:
            raise Refused("payload.unknown_call", "the calldata is not a token transfer without value")
        payments = (Payment(AssetId(f"{chain}/erc20:{tx.to}"), AccountId(f"{chain}:{token[0]}"), token[1]),)
    return Effects(chain, tx.nonce, payments, tx.worst_fee)
