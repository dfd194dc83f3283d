"""Stage approve: what people and screening services say about a transfer becomes an entry."""

from __future__ import annotations

from strongroom.coordinator.desk import Desk
from strongroom.custody.state import TransferId
from strongroom.custody.stops import transfer_of
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement


def approve(desk: Desk, envelope: Envelope, statement: Statement) -> tuple[TransferId, int]:
    """The transfer's id and the index of the entry; the reconciler goes on from there. Raises what the fold raises."""
    index = desk.sequencer.submit("transfer.approved", statement.subject, [envelope])
    transfer = transfer_of(desk.state, statement.subject["transfer"])
    desk.timeline.event(transfer.id, "approved", f"by {statement.person}")
    return transfer.id, index


def screen(desk: Desk, envelope: Envelope, statement: Statement) -> tuple[TransferId, int]:
    """The same for a service's word about a transfer: `transfer.screened`."""
    index = desk.sequencer.submit("transfer.screened", statement.subject, [envelope])
    transfer = transfer_of(desk.state, statement.subject["transfer"])
    desk.timeline.event(transfer.id, "screened", f"{statement.subject['result']}, by {statement.person}")
    return transfer.id, index
