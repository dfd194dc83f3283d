"""Stage broadcast: hand the signed transaction to the chain's node; again and again does no harm."""

from __future__ import annotations

from typing import Final

from strongroom.coordinator.desk import Desk
from strongroom.coordinator.timeline import Wait
from strongroom.custody.state import Payload, Transfer
from strongroom.errors import Refused, Unreachable
from strongroom.nodes.faults import NONCE_TOO_LOW
from strongroom.store.records import Broadcast

REPEAT_MS: Final = 30_000
PASSED: Final = (NONCE_TOO_LOW, "node.underpriced")
"""The nonce is spent, or the node holds a dearer payload of it: watching goes on, nothing else helps."""


async def step(desk: Desk, transfer: Transfer, payload: Payload) -> Wait | None:
    """Send the newest payload unless a node has taken it in the last half minute."""
    row = desk.records.signed[payload.digest]
    sent, now = desk.records.broadcasts.get(row.txid), desk.clock()
    if sent is not None and now - sent.last < REPEAT_MS:
        return None
    chain = desk.chain_of(desk.wallet_of(transfer))
    if chain is None:
        return Wait("node.unreachable", "no node of its chain is configured", None)
    try:
        await chain.send(row.raw)
    except Unreachable as error:
        return Wait.of(error, 1.0)
    except Refused as error:
        if error.code not in PASSED:
            desk.timeline.refusal(transfer.id, str(chain.name), "broadcast", error.code, error.message)
            return Wait.of(error, 3.0)
    first = sent.first if sent is not None else now
    desk.records.put_broadcast(Broadcast(row.txid, transfer.id, first, desk.clock()))
    if sent is None:
        desk.timeline.event(transfer.id, "broadcast", f"transaction {row.txid}")
    return None
