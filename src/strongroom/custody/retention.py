"""What the state lets go of, so that it stays small however long the log: all of it decided by the log alone."""

from __future__ import annotations

from immutables import Map

from strongroom.custody.limits import without_past
from strongroom.custody.record import replace
from strongroom.custody.state import TRANSFERS_KEPT, CustodyState, Phase, Transfer
from strongroom.custody.stops import DAY_MS


def tidied(state: CustodyState) -> CustodyState:
    """After every so many entries: the state without what no later entry can need; at other sizes the state itself.

    A transfer that is let go stays closed: its id and its idempotency key are taken for ever.
    """
    if state.size % TRANSFERS_KEPT:
        return state
    transfers, still_open, anchors = state.transfers.mutate(), state.open.mutate(), state.anchors.mutate()
    earliest = state.time
    for name, transfer in state.transfers.items():
        if _ended(state, transfer) and transfer.touched <= state.size - TRANSFERS_KEPT:
            del transfers[name]
            still_open.pop(name, None)
            if transfer.authorization:
                del anchors[transfer.intent.wallet, transfer.authorization.nonce]
        elif transfer.authorization:
            earliest = min(earliest, transfer.authorization.time)
    past = state.time - 7 * DAY_MS  # a freeze by one person counts for a week, whether it lasts or not
    freezes = {name: freeze for name, freeze in state.freezes.items() if freeze.ends is None or freeze.ends > past}
    state = replace(state, transfers=transfers.finish(), open=still_open.finish(), anchors=anchors.finish())
    return without_past(replace(state, freezes=Map(freezes)), earliest)


def _ended(state: CustodyState, transfer: Transfer) -> bool:
    """Whether nothing may be authorized or signed for it any more: what was authorized ends on the chain only."""
    if transfer.authorization:
        return transfer.phase in (Phase.COMPLETED, Phase.FAILED)
    return bool(transfer.closed) or transfer.intent.until <= state.time
