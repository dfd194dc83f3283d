"""Statements by the coordinator's own log key: noted facts that carry no authority."""

from __future__ import annotations

from typing import Any, Final

from strongroom.custody.authority import COORDINATOR
from strongroom.custody.state import CustodyState
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Seen, Statement, sign_statement

LIFETIME_MS: Final = 3_600_000


def observe(subject: dict[str, Any], cosigned: CustodyState, now: int, key: SigningKey) -> Envelope:
    """A transfer.observe statement about exactly `subject`, seen at the quorum-cosigned head."""
    statement = Statement(
        workspace=cosigned.workspace,
        kind="transfer.observe",
        subject=subject,
        obligations=None,
        seen=Seen(cosigned.size, cosigned.root.hex()),
        person=COORDINATOR,
        key=key.key_id,
        not_after=now + LIFETIME_MS,
    )
    return sign_statement(statement, key)
