"""What an open transfer waits for, in words and as a stable code."""

from __future__ import annotations

from strongroom.coordinator.desk import Desk
from strongroom.coordinator.stages.sign import COSIGNING
from strongroom.custody.state import Phase, TransferId

ENDED = (Phase.COMPLETED, Phase.FAILED, Phase.CLOSED)


def awaited(desk: Desk, name: TransferId) -> tuple[str, str]:
    """(text, code); ("", "") for a transfer that has ended or goes on right now."""
    transfer = desk.state.transfers.get(name)
    if transfer is None or transfer.phase in ENDED:
        return "", ""
    wait = desk.timeline.waits.get(name)
    seen = desk.cosigned.transfers.get(name)
    pending = seen is None or len(seen.payloads) < len(transfer.payloads)
    if transfer.authorization is not None and (wait is None or wait.code == COSIGNING) and pending:
        key = desk.state.keys[desk.wallet_of(transfer).key]
        if desk.quorum_missing(key):
            return desk.quorums(key), "quorum.unreachable"
    if wait is None:
        return "", ""
    return wait.text, wait.code
