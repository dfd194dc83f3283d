"""Statements come in: strict envelopes, idempotent proposals; whether they count is decided by the fold."""

from __future__ import annotations

from typing import Any

from strongroom.api.facade import Service, Submission
from strongroom.chains.evm.checksum import parse_address
from strongroom.custody.authority import PROPOSE, credential_of, proposal_in
from strongroom.custody.intents import parse_intent
from strongroom.custody.state import Transfer, TransferId
from strongroom.custody.transfers import opened_before
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import REQUEST_TYPE, proposal_hash, verify_request
from strongroom.documents.statement import Statement, verify_statement
from strongroom.errors import InvalidInput, Refused


async def propose(service: Service, envelope: Envelope) -> tuple[Transfer, bool]:
    """The transfer of a signed proposal and whether it is new; the same again changes nothing.

    Raises InvalidInput intent.idempotency_conflict when its key was used for something else.
    """
    statement = proposal_in(service.state, envelope)
    if statement.kind != PROPOSE:
        remedy = "other statements go to POST /v1/statements"
        raise InvalidInput("statement.wrong_kind", f"the statement is not a {PROPOSE}", remedy)
    _check_address(statement.subject)
    known = _known(service, envelope, statement)
    if known is not None:
        return known, False
    try:
        submission = await service.submit(envelope)
    except Refused as error:
        # Two equal requests at once: the fold refuses the second, which is answered like the first.
        known = _known(service, envelope, statement) if error.code == "intent.idempotency_used" else None
        if known is None:
            raise
        return known, False
    # Without an entry of its own it was there before: the coordinator saw the first request earlier.
    return service.state.transfers[TransferId(submission.transfer or "")], submission.entry is not None


async def state_something(service: Service, document: dict[str, Any]) -> Submission:
    """Hand any other statement to the coordinator; a policy travels as attachment."""
    shape = {"envelope", "attachment"}
    if not {"envelope"} <= document.keys() <= shape:
        raise InvalidInput(
            "document.unknown_field",
            "the body holds an envelope, and may hold an attachment",
            "see /openapi.json",
        )
    attachment = document.get("attachment")
    if attachment is not None and not isinstance(attachment, dict):
        raise InvalidInput("document.type", "the attachment is an object")
    return await service.submit(Envelope.from_doc(document["envelope"]), attachment)


def _known(service: Service, envelope: Envelope, statement: Statement) -> Transfer | None:
    """The transfer that this very intent of this initiator made before, once the signature is verified."""
    state = service.state
    intent = parse_intent(statement.subject, state)
    used = opened_before(state, statement.person, intent.idempotency)
    if used is None:
        return None
    if statement.workspace != state.workspace:
        raise Refused("statement.other_workspace", "the statement was made for another workspace")
    credential = credential_of(state, statement.person, statement.key)
    if envelope.payload_type == REQUEST_TYPE:
        verify_request(envelope, credential, state.workspace)
    else:
        verify_statement(envelope, credential)
    transfer = service.transfer(used)
    if proposal_hash(envelope) == used or transfer.intent == intent:
        return transfer
    names = {
        "from": "wallet",
        "to": "to",
        "asset": "asset",
        "amount": "amount",
        "why": "why",
        "until": "until",
        "call": "call",
        "message": "message",
    }
    changed = [name for name, slot in names.items() if getattr(intent, slot) != getattr(transfer.intent, slot)]
    raise InvalidInput(
        "intent.idempotency_conflict",
        f"transfer {used} was made with this idempotency key, and its {', '.join(changed)} differ",
        "take a new key for a new transfer, or send the first body again",
    )


def _check_address(subject: dict[str, Any]) -> None:
    """Tell a mistyped address apart from one that is only spelled in mixed case; the fold takes lower case."""
    to = subject.get("to")
    if isinstance(to, str) and to.startswith("eip155:") and to != to.lower():
        lower = parse_address(to.rpartition(":")[2])
        raise InvalidInput(
            "account.syntax",
            "a signed account is written in lower case",
            f"sign it as {to.rpartition(':')[0][:64]}:{lower}",
        )
