"""What the log holds beside the policy, as far as a check of a draft looks at it."""

from __future__ import annotations

from strongroom.custody.state import CustodyState
from strongroom.documents.names import AccountId
from strongroom.policy.check import House, Purse


def house_of(state: CustodyState) -> House:
    """Wallets, keys, suspensions and revocations of a state."""
    wallets = (
        Purse(w.name, AccountId(f"{w.chain}:{w.address}"), w.chain, w.tier, w.key)
        for w in state.wallets.values()
        if not w.closed
    )
    return House(
        wallets=tuple(sorted(wallets, key=lambda wallet: wallet.name)),
        keys=tuple(sorted((key.name, key.tier) for key in state.keys.values())),
        suspended=state.suspended,
        revoked=state.revoked,
    )
