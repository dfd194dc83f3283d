"""Plain words for amounts, times, accounts and obligations; every figure is exact."""

from __future__ import annotations

from typing import Any

from strongroom.chains.evm.checksum import checksum
from strongroom.custody.decision import Awaiting, describe
from strongroom.custody.state import CustodyState
from strongroom.documents.credentials import Surface
from strongroom.documents.decimal import show
from strongroom.documents.names import AccountId, AssetId, split_account
from strongroom.policy.model import Allowance, Policy
from strongroom.policy.words import duration, moment

__all__ = ["address_of", "duration", "moment", "money", "party", "terms"]


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
    """What a rule demands, in one line."""
    lacking = Awaiting(allowance.approvals, 0)
    needs = f"approvals by {describe(lacking)}" if allowance.approvals else "no approvals"
    if allowance.approvals and allowance.initiator_may_approve:
        needs += " (the initiator may be one)"
    if allowance.surface is Surface.APPROVER:
        needs += " from people's own machines"
    if allowance.device_bound:
        needs += " with device-bound passkeys"
    if allowance.screening:
        needs += f", a screening by {' or '.join(allowance.screening.services)}"
    if allowance.keys is not None:
        needs += f", only by key {' or '.join(allowance.keys)}"
    wait = f"a delay of {duration(allowance.delay)}" if allowance.delay else "no delay"
    return f"{needs}, {wait}, fees of at most {money(policy, native, allowance.fee_ceiling)['text']}"
