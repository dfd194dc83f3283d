"""Plain words for amounts, times, accounts and obligations; every figure is exact."""

from __future__ import annotations

from typing import Any

from strongroom.chains.evm.checksum import checksum
from strongroom.custody.state import CustodyState
from strongroom.documents.decimal import show
from strongroom.documents.names import AccountId, AssetId, split_account
from strongroom.policy import words
from strongroom.policy.model import Allowance, Policy
from strongroom.policy.obligations import Obligations


def money(policy: Policy, asset: AssetId, amount: int) -> dict[str, Any]:
    """An amount for machines (base units) and for people (decimals and symbol)."""
    unit = policy.assets.get(asset)
    text = f"{show(amount, unit.decimals)} {unit.symbol}" if unit else f"{amount} base units of {asset}"
    return {"base_units": str(amount), "text": text}


def address_of(account: AccountId) -> str:
    """The address as people read it, EIP-55 on Ethereum chains."""
    chain, address = split_account(account)
    return checksum(address) if chain.startswith("eip155:") else address


def party(state: CustodyState, account: AccountId) -> dict[str, Any]:
    """A destination: the account, its address, and what the workspace knows about it."""
    labels = [row.label for row in state.addresses.values() if row.account == account]
    return {
        "account": account,
        "address": address_of(account),
        "wallet": state.accounts.get(account),
        "listed_as": sorted(labels),
    }


def terms(policy: Policy, allowance: Allowance, native: AssetId) -> str:
    """What a rule demands, in one line; its fee in the coin of one chain."""
    coin: dict[str, Any] = {native: policy.document["assets"][native]}
    return "; ".join(words.terms(Obligations("", allowance).to_doc(), {}, coin))
