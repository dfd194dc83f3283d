"""Further payloads on a transfer's anchor: a dearer one when it is stuck, the null one when it has ended."""

from __future__ import annotations

from typing import Final

from strongroom.chains.evm import fees
from strongroom.chains.evm.transaction import decode
from strongroom.chains.evm.transfer import null_call
from strongroom.coordinator.chain import PLAIN_GAS, Chain
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.stages.plan import Planner
from strongroom.custody.intents import wanted
from strongroom.custody.state import Payload, Transfer
from strongroom.custody.transfers import replacement_ceiling, transfer_ended
from strongroom.errors import StrongroomError, Unreachable

PATIENCE_MS: Final = 10_000


class Replacement:
    """Chooses the payload to pursue, and appends `transfer.replaced` when another is needed."""

    def __init__(self, desk: Desk, planner: Planner) -> None:
        self._desk, self._planner = desk, planner
        self._tried: dict[str, int] = {}

    def current(self, transfer: Transfer) -> Payload:
        """The payload to sign and send: the newest payment, or the null payload once the transfer has ended.

        Raises what hinders the null payload's making; until it is there the anchor stays unspent.
        """
        ended = transfer_ended(self._desk.state, transfer, self._desk.moment)
        if ended and not any(p.null for p in transfer.payloads):
            self._append(transfer, null=True)
            transfer = self._desk.state.transfers[transfer.id]
            self._desk.timeline.event(transfer.id, "replaced", "ended: its nonce will be spent without a payment")
        return next(p for p in reversed(transfer.payloads) if p.null == ended or len(transfer.payloads) == 1)

    def bump(self, transfer: Transfer, payload: Payload) -> bool:
        """Raise the fee when the payload has waited too long and the network asks more; True when replaced."""
        desk = self._desk
        wallet, row = desk.wallet_of(transfer), desk.records.signed.get(payload.digest)
        chain = desk.chain_of(wallet)
        sent = desk.records.broadcasts.get(row.txid) if row is not None else None
        account = chain.accounts.get(wallet.address) if chain is not None else None
        if chain is None or account is None or sent is None or transfer.authorization is None:
            return False
        now, tx = desk.clock(), decode(payload.raw)
        if now - sent.first < desk.config.bump_seconds * 1000 or chain.base_fee <= tx.max_fee:
            return False
        if desk.funds.lowest(wallet.name, account) != transfer.authorization.nonce:
            return False
        if now - self._tried.get(transfer.id, 0) < PATIENCE_MS:
            return False
        self._tried[transfer.id] = now
        try:
            self._append(transfer, null=payload.null)
        except StrongroomError as error:
            desk.timeline.refusal(transfer.id, "coordinator", "fee bump", error.code, error.message)
            return False
        desk.timeline.event(transfer.id, "replaced", "the fee was raised: the network asks more")
        return True

    def _append(self, transfer: Transfer, *, null: bool) -> None:
        desk = self._desk
        state, wallet = desk.state, desk.wallet_of(transfer)
        chain = self._planner.chain(wallet)
        if transfer.authorization is None or not chain.reachable:
            raise Unreachable("node.unreachable", f"the node of {wallet.chain} does not answer")
        last = decode(transfer.payloads[-1].raw)
        gas = PLAIN_GAS if null else last.gas
        made = null_call(wallet.address) if null else wanted(transfer.intent)
        max_fee, priority = self._fees(chain, last.max_fee, last.max_priority_fee)
        ceiling = replacement_ceiling(state, transfer)
        max_fee = min(max_fee, ceiling // gas)
        payload = self._planner.build(
            wallet.chain, transfer.authorization.nonce, made, gas, max_fee, min(priority, max_fee)
        )
        body = {"transfer": transfer.id, "payload": payload.hex()}
        desk.sequencer.submit("transfer.replaced", body)

    def _fees(self, chain: Chain, max_fee: int, priority: int) -> tuple[int, int]:
        """At least what nodes ask of a replacement, and at least what a new transaction would offer."""
        bumped, start = fees.bumped(max_fee, priority), fees.starting(chain.base_fee, chain.priority)
        return max(bumped[0], start[0]), max(bumped[1], start[1])
