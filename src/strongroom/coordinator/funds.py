"""What a wallet can still spend: its balance, less what is authorized and not yet on the chain."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from strongroom.chains.evm.transfer import NATIVE
from strongroom.coordinator.chain import Account
from strongroom.custody.intents import wanted
from strongroom.custody.state import CustodyState, Intent, Phase, Transfer, TransferId, Wallet
from strongroom.documents.decimal import show
from strongroom.documents.names import AssetId, split_account
from strongroom.errors import Refused


@dataclass(frozen=True, slots=True)
class Claim:
    """What an authorized transfer may take from the wallet: an amount of an asset, and its worst-case fee."""

    asset: AssetId
    amount: int
    fee: int


def spent(intent: Intent) -> tuple[AssetId, int]:
    """The asset and the base units that a payment of this intent takes from the wallet, fees apart."""
    if intent.call is None:
        return intent.asset, intent.amount
    return AssetId(f"{split_account(intent.to)[0]}/{NATIVE}"), wanted(intent).value


class Funds:
    """Claims by wallet and nonce; those below the chain's nonce are in the balance already."""

    def __init__(self) -> None:
        self._claims: dict[str, dict[int, Claim]] = defaultdict(dict)

    def rebuild(self, state: CustodyState) -> None:
        """Read all claims from the state: at the start, and after a tail was cut."""
        self._claims.clear()
        for name in state.open:
            self.note(state.transfers[name])

    def note(self, transfer: Transfer) -> None:
        """Take over a transfer's claim as it is now."""
        if transfer.authorization is None:
            return
        claims = self._claims[transfer.intent.wallet]
        if transfer.phase in (Phase.COMPLETED, Phase.FAILED):
            claims.pop(transfer.authorization.nonce, None)
            return
        if not transfer.intent.message:
            fee = max(payload.fee for payload in transfer.payloads)
            claims[transfer.authorization.nonce] = Claim(*spent(transfer.intent), fee)

    def drop(self, wallet: str, nonce: int) -> None:
        """Forget a claim whose authorization was cut off the log."""
        self._claims[wallet].pop(nonce, None)

    def lowest(self, wallet: str, account: Account) -> int:
        """The lowest nonce that is authorized and not yet mined, or -1."""
        return min((nonce for nonce in self._claims[wallet] if nonce >= account.nonce), default=-1)

    def require(
        self, state: CustodyState, wallet: Wallet, account: Account, name: TransferId | None, want: Claim
    ) -> None:
        """Raise Refused balance.insufficient unless the account covers `want` beside all other claims."""
        policy = state.policy
        if policy is None:
            return
        native = policy.chains[wallet.chain].native
        needed: dict[AssetId, int] = defaultdict(int)
        own = state.transfers.get(name) if name else None
        mine = own.authorization.nonce if own and own.authorization else -1
        others = (c for n, c in self._claims[wallet.name].items() if n >= account.nonce and n != mine)
        for claim in (want, *others):
            needed[claim.asset] += claim.amount
            needed[native] += claim.fee
        for asset in (want.asset, native):
            have = account.balances.get(asset, 0)
            if needed[asset] > have:
                unit = policy.assets.get(asset)
                have_text, need_text = (
                    f"{show(v, unit.decimals)} {unit.symbol}" if unit else str(v) for v in (have, needed[asset])
                )
                raise Refused(
                    "balance.insufficient",
                    f"wallet '{wallet.name}' holds {have_text}; with what is under way this needs {need_text}",
                    f"send funds to {wallet.chain}:{wallet.address}",
                )
