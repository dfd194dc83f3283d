"""Allowances that were granted on a chain: what spenders may still draw, without any further entry."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.custody.state import CustodyState
from strongroom.documents.names import AccountId, AssetId
from strongroom.log.entry import Entry


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `amount` base units of a wallet's asset are the spender's to draw; the chain alone knows what is left."""

    wallet: str
    asset: AssetId
    spender: AccountId
    amount: int


class Allowances:
    """Kept while a log is replayed: by wallet, token and spender the newest approve that has confirmed."""

    def __init__(self) -> None:
        self._granted: dict[tuple[str, AssetId, AccountId], int] = {}

    def watch(self, before: CustodyState, entry: Entry, _after: CustodyState) -> None:
        """Look at one more entry and the state before it."""
        transfer = before.transfers.get(entry.body["transfer"]) if entry.kind == "transfer.completed" else None
        intent = transfer and transfer.intent
        if intent and intent.call and "/erc20:" in intent.asset:  # the one call that is about a token: an approve
            self._granted[intent.wallet, intent.asset, intent.to] = intent.amount

    @property
    def granted(self) -> tuple[Allowance, ...]:
        """Those above nothing: a later approve of 0 takes one back."""
        return tuple(Allowance(*where, amount) for where, amount in sorted(self._granted.items()) if amount)
