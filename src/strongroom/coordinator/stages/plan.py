"""Stage plan: choose the nonce and the fees, check balance and gas, build the payload: `transfer.authorized`."""

from __future__ import annotations

from typing import Final

from strongroom.chains.evm import fees
from strongroom.chains.evm.transaction import UnsignedTransaction, encode
from strongroom.chains.evm.transfer import Call, chain_number
from strongroom.coordinator.chain import Chain
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.funds import Claim, spent
from strongroom.coordinator.timeline import Wait
from strongroom.custody.decision import Awaiting, Ready, describe, standing
from strongroom.custody.intents import wanted
from strongroom.custody.state import Intent, Transfer, TransferId, Wallet
from strongroom.documents.names import ChainId
from strongroom.documents.typed import parse_message, preimage
from strongroom.errors import Refused, StrongroomError, Unreachable, Waiting
from strongroom.policy.evaluate import Denied

RETRY_SECONDS: Final = 2.0
DENIED_RETRY_SECONDS: Final = 15.0
FINAL: Final = ("intent.closed", "intent.expired")


def build_payload(chain: ChainId, nonce: int, wanted: Call, gas: int, max_fee: int, priority: int) -> bytes:
    """The unsigned transaction: exactly the wanted call."""
    return encode(
        UnsignedTransaction(
            chain_id=chain_number(chain),
            nonce=nonce,
            max_priority_fee=priority,
            max_fee=max_fee,
            gas=gas,
            to=wanted.to,
            value=wanted.value,
            data=wanted.data,
        )
    )


class Planner:
    """Plans from what is cached; only `prepare` asks the chain's node, when something is not known yet."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.build = build_payload

    def prepared(self, wallet: Wallet, intent: Intent) -> bool:
        """Whether planning can go on without asking the node: a message never asks one."""
        if intent.message:
            return True
        chain = self._desk.chain_of(wallet)
        if chain is None or not chain.reachable:
            return False
        account = chain.accounts.get(wallet.address)
        known = account is not None and account.balances.get(spent(intent)[0], -1) >= 0
        return known and chain.gas_known(wanted(intent)) is not None

    async def prepare(self, wallet: Wallet, intent: Intent) -> None:
        """Ask the node for what is not known; raises Unreachable, Refused node.*, balance.insufficient."""
        desk = self._desk
        chain = self.chain(wallet)
        account = chain.accounts.get(wallet.address)
        asset = spent(intent)[0]
        if account is None or account.balances.get(asset, -1) < 0 or not chain.reachable:
            desk.watch(wallet)
            chain.watch(wallet.address, [asset])
            await chain.refresh()
        await self.look_for_funds(wallet, intent)  # before the simulation: this says it more clearly
        try:
            await chain.gas_for(wallet.address, wanted(intent))
        except Refused as error:
            if error.code == "node.insufficient_funds":
                raise Refused("balance.insufficient", error.message) from error
            raise

    def chain(self, wallet: Wallet) -> Chain:
        """The chain's view; raises Unreachable node.unreachable when no node is configured."""
        chain = self._desk.chain_of(wallet)
        if chain is None:
            raise Unreachable("node.unreachable", f"no node of {wallet.chain} is configured", "see coordinator.toml")
        return chain

    def require_funds(self, wallet: Wallet, intent: Intent, name: TransferId | None, fee: int) -> None:
        """Raise Refused balance.insufficient unless the wallet covers the intent beside what is under way."""
        if intent.message:
            return
        chain = self.chain(wallet)
        account = chain.accounts[wallet.address]
        claim = Claim(*spent(intent), fee)
        self._desk.funds.require(self._desk.state, wallet, account, name, claim)

    async def look_for_funds(self, wallet: Wallet, intent: Intent) -> None:
        """The same, but nobody is told that a wallet is empty without a new look at the chain; raises Unreachable."""
        try:
            self.require_funds(wallet, intent, None, 0)
        except Refused:
            await self.chain(wallet).refresh()
            self.require_funds(wallet, intent, None, 0)

    def authorize(self, name: TransferId) -> int:
        """Append `transfer.authorized` for a transfer that is ready; its index. Raises StrongroomError."""
        desk = self._desk
        state = desk.state
        transfer = state.transfers[name]
        wallet, intent = state.wallets[transfer.intent.wallet], transfer.intent
        stands = standing(state, transfer, desk.moment)
        if not isinstance(stands, Ready):
            raise Waiting("transfer.not_ready", "it is not ready to be authorized")
        if intent.message:
            payload = preimage(parse_message(intent.message))
        else:
            payload = self._transaction(wallet, intent, name, stands.obligations.terms.fee_ceiling)
        return desk.sequencer.submit("transfer.authorized", {"transfer": name, "payload": payload.hex()})

    def _transaction(self, wallet: Wallet, intent: Intent, name: TransferId, ceiling: int) -> bytes:
        """The unsigned transaction on the wallet's next nonce, with fees under the ceiling."""
        chain, made = self.chain(wallet), wanted(intent)
        gas = chain.gas_known(made)
        if gas is None or not chain.reachable:
            raise Unreachable("node.unreachable", f"the node of {wallet.chain} does not answer")
        max_fee, priority = self.fees(chain, gas, ceiling)
        self.require_funds(wallet, intent, name, gas * max_fee)
        return self.build(wallet.chain, wallet.next_nonce, made, gas, max_fee, priority)

    def fees(self, chain: Chain, gas: int, ceiling: int) -> tuple[int, int]:
        """(max fee, priority fee) per gas under the ceiling; raises Refused fee.over_ceiling."""
        max_fee, priority = fees.starting(chain.base_fee, chain.priority)
        if gas * max_fee > ceiling:
            max_fee = ceiling // gas
            if max_fee <= chain.base_fee:
                raise Refused(
                    "fee.over_ceiling",
                    f"the network asks {gas * chain.base_fee} wei, above the rule's ceiling of {ceiling}",
                )
        return max_fee, min(priority, max_fee)


async def step(desk: Desk, planner: Planner, transfer: Transfer) -> Wait | None:
    """Authorize the transfer if nothing is owed any more; else say what it waits for."""
    stands = standing(desk.state, transfer, desk.moment)
    if isinstance(stands, Denied):
        return Wait(stands.code, stands.reason, None if stands.code in FINAL else DENIED_RETRY_SECONDS)
    if isinstance(stands, Awaiting):
        if stands.approvals:
            return Wait("approvals.missing", f"approvals: {describe(stands)}", DENIED_RETRY_SECONDS)
        if stands.screening:
            text = f"a screening by {' or '.join(stands.screening)}"
            return Wait("screening.not_signed", text, DENIED_RETRY_SECONDS)
        left = max(0, stands.not_before - desk.clock())
        return Wait("delay.not_elapsed", f"the rule's delay, {left / 1000:.0f} s more", left / 1000 + 0.05)
    wallet = desk.wallet_of(transfer)
    try:
        if not planner.prepared(wallet, transfer.intent):
            await planner.prepare(wallet, transfer.intent)
        planner.authorize(transfer.id)
    except StrongroomError as error:
        return Wait.of(error, RETRY_SECONDS)
    note_authorized(desk, transfer.id)
    return None


def note_authorized(desk: Desk, name: TransferId) -> None:
    """Put the authorization on the timeline."""
    transfer = desk.state.transfers[name]
    if transfer.authorization is not None:
        bound = "the message" if transfer.intent.message else f"nonce {transfer.authorization.nonce}"
        desk.timeline.event(name, "authorized", f"payload bound to {bound}")
