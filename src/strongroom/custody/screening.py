"""What enrolled services say about a transfer: the newest word of each counts."""

from __future__ import annotations

from strongroom.custody.authority import granting, in_force, single
from strongroom.custody.record import replace
from strongroom.custody.state import CustodyState, Screened
from strongroom.custody.stops import transfer_of
from strongroom.documents.canonical import encode, fields
from strongroom.documents.names import parse_label
from strongroom.errors import InvalidInput, Refused
from strongroom.log.entry import Entry

_FORGED = ("evidence.count", "statement.unknown_key", "credential.bad_signature")


def on_screened(state: CustodyState, entry: Entry) -> CustodyState:
    """A service that some rule names has found a transfer clear, or flagged it."""
    body = fields(entry.body, "transfer.screened", {"transfer": str, "result": str, "reference": str})
    transfer, clear = transfer_of(state, body["transfer"]), body["result"] == "clear"
    if not clear and body["result"] != "flagged":
        raise InvalidInput("screening.result", "a transfer is clear or flagged")
    parse_label(body["reference"])
    try:
        statement = granting(state, single(entry), "transfer.screen", entry.time)
    except Refused as error:
        raise Refused("screening.not_signed", error.message) if error.code in _FORGED else error from None
    if statement.person not in in_force(state).screeners:
        raise Refused("screening.not_signed", f"no rule asks '{statement.person}' to screen transfers")
    if encode(statement.subject) != encode(body):
        raise Refused("screening.other_intent", "what was signed is about another transfer, or says something else")
    others = tuple(word for word in transfer.screenings if word.service != statement.person)
    unseen = any(
        statement.seen and word.index >= statement.seen.size for word in transfer.screenings if word not in others
    )
    if clear and unseen:
        raise Refused("statement.before_stop", f"'{statement.person}' had not seen its own word before this one")
    word = Screened(statement.person, statement.key, clear, entry.time, state.size)
    screened = replace(transfer, screenings=(*others, word), touched=state.size)
    return replace(state, transfers=state.transfers.set(transfer.id, screened))
