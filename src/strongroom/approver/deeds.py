"""What an approver signs, made of what this machine has verified; and whether it would count, before it leaves."""

from __future__ import annotations

from typing import Any, Final

from strongroom.approver.replica import Known
from strongroom.approver.showing import next_moment
from strongroom.custody.authority import credential_of
from strongroom.custody.decision import block, require, unfit, verdict
from strongroom.custody.fold import apply
from strongroom.custody.state import CustodyState, Transfer
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement
from strongroom.log.entry import new_entry

VALID: Final = 3_600_000  # ms


def approval(known: Known, transfer: Transfer, *, person: str, key: str, now: int) -> Statement:
    """Yes to this transfer under the obligations that this machine computes.

    Raises Refused with what denies it, or with why this key cannot say it.
    """
    state, moment = known.state, next_moment(known.state, now)
    obligations = require(block(state, transfer, moment) or verdict(state, transfer, moment)).obligations
    require(unfit(credential_of(state, person, key), obligations.terms))
    subject, seen, end = {"transfer": transfer.id}, known.head.seen, now + VALID
    return Statement(state.workspace, "transfer.approve", subject, obligations.digest, seen, person, key, end)


def stop(workspace: str, kind: str, subject: dict[str, Any], *, person: str, key: str, now: int) -> Statement:
    """A stop needs nothing that anybody could withhold; its end, which nobody checks, makes each one another."""
    return Statement(workspace, kind, subject, None, None, person, key, now + VALID)


def would_count(state: CustodyState, envelope: Envelope, transfer: Transfer, now: int) -> None:
    """Fold a signed approval as the log would; raises what the fold raises."""
    body = {"transfer": transfer.id}
    apply(state, new_entry("transfer.approved", max(state.time, now), body, [envelope]))
