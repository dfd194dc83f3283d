"""Stage confirm: follow the account's nonce and the receipts to the policy's depth, through reorganizations."""

from __future__ import annotations

from typing import Final

from strongroom.chains.evm.transaction import decode
from strongroom.coordinator.chain import Chain
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.observation import observe
from strongroom.coordinator.timeline import Wait
from strongroom.custody.state import Transfer
from strongroom.errors import StrongroomError
from strongroom.nodes.answers import Receipt, Transaction

CODE: Final = "chain.confirmations"
PENDING: Final = "chain.pending"


async def step(desk: Desk, transfer: Transfer, confirmations: dict[str, int]) -> Wait | None:
    """Note completion or failure once one payload of the anchor is deep enough; else what it waits for."""
    wallet = desk.wallet_of(transfer)
    chain, policy = desk.chain_of(wallet), desk.state.policy
    if chain is None or policy is None or transfer.authorization is None:
        return Wait("node.unreachable", "no node of its chain is configured", None)
    account = chain.accounts.get(wallet.address)
    if account is None or account.nonce <= transfer.authorization.nonce:
        confirmations.pop(transfer.id, None)
        return Wait(PENDING, "the transaction's block", 30.0)
    rows = {row.txid: row.digest for row in desk.records.signatures_of(transfer.id)}
    try:
        found = await _mined(chain, list(rows))
        if found is None:  # a reorganization just now, or the same payload was signed twice and the other was sent
            other = await chain.spender(wallet.address, transfer.authorization.nonce)
            found = await _mined(chain, [other.txid]) if other is not None else None
            if other is not None:
                rows[other.txid] = _payload_of(transfer, other)
    except StrongroomError as error:
        return Wait.of(error, 2.0)
    if found is None:
        confirmations.pop(transfer.id, None)
        return Wait(PENDING, "a receipt: its nonce is spent", 5.0)
    depth, need = chain.block - found.block_number + 1, policy.chains[wallet.chain].confirmations
    confirmations[transfer.id] = max(0, depth)
    if depth < need:
        return Wait(CODE, f"confirmations, {max(0, depth)} of {need}", 30.0)
    _conclude(desk, transfer, found, rows[found.txid])
    return None


async def _mined(chain: Chain, txids: list[str]) -> Receipt | None:
    """The receipt of whichever payload is in a block."""
    for receipt in await chain.receipts(txids):
        if receipt is not None:
            return receipt
    return None


def _payload_of(transfer: Transfer, transaction: Transaction) -> str:
    """The digest of the payload that a mined transaction carries out, or "" when it is none of the transfer's."""
    for payload in transfer.payloads:
        tx = decode(payload.raw)
        if (tx.to, tx.value, tx.data) == (transaction.to, transaction.value, transaction.data):
            return payload.digest
    return ""


def settle(desk: Desk, transfer: Transfer, signed: bool) -> None:
    """Note how a message ended: its signature is all that it is for, and without one it has failed."""
    result = "success" if signed else "it ended before it was signed"
    _note(desk, transfer, signed, f"0x{transfer.payloads[0].digest}", 0, result)


def _conclude(desk: Desk, transfer: Transfer, receipt: Receipt, digest: str) -> None:
    """Note in the log how it ended."""
    payload = next((p for p in transfer.payloads if p.digest == digest), None)
    completed, result = False, "the transaction reverted"
    if payload is None:
        result = "its nonce was spent by a transaction that the log does not know"
    elif payload.null:
        result = "its nonce was spent without a payment"
    elif receipt.succeeded:
        completed, result = True, "success"
    _note(desk, transfer, completed, receipt.txid, receipt.block_number, result)


def _note(desk: Desk, transfer: Transfer, completed: bool, txid: str, block: int, result: str) -> None:
    stage = "completed" if completed else "failed"
    body = {"transfer": transfer.id, "txid": txid, "block": block, "result": result}
    evidence = observe(body, desk.cosigned, desk.sequencer.next_time(), desk.key)
    desk.sequencer.submit(f"transfer.{stage}", body, [evidence], lazy=True)
    desk.timeline.event(transfer.id, stage, f"{result}, in block {block}" if block else result)
