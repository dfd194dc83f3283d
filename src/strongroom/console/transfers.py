"""Transfers: the list by pages, and one with its timeline."""

from __future__ import annotations

from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from strongroom.api.timeline import transfer_document
from strongroom.console.console import Console
from strongroom.console.recent import PAGE, newest, open_ones
from strongroom.console.sessions import Session
from strongroom.custody.authority import credential_of
from strongroom.custody.decision import unfit
from strongroom.custody.outline import approves, obligations_of, summary
from strongroom.custody.state import Phase, Transfer
from strongroom.errors import InvalidInput
from strongroom.pages.acts import ACTS
from strongroom.pages.forms import read_query

ENDED = (Phase.COMPLETED, Phase.FAILED, Phase.CLOSED)
_STATUS = {
    "awaiting_approvals": ("waits", "waits for approvals"),
    "delayed": ("waits", "waits out its delay"),
    "denied": ("bad", "denied"),
    "refused": ("bad", "refused by a signer"),
    "stalled": ("bad", "a component is away"),
    "in_progress": ("going", "under way"),
    "completed": ("good", "completed"),
    "failed": ("bad", "failed"),
    "closed": ("over", "closed"),
}
_PHASE = {
    "proposed": ("waits", "proposed"),
    "authorized": ("going", "authorized"),
    "signed": ("going", "signed"),
    "completed": ("good", "completed"),
    "failed": ("bad", "failed"),
    "closed": ("over", "closed"),
}


def routes(console: Console) -> list[Route]:
    """List and timeline."""

    async def listed(request: Request) -> Response:
        visitor, given = console.visitor(request), read_query(request)
        show, before = given.get("show", "all"), _number(given.get("before", ""))
        if show not in ("all", "open"):
            raise InvalidInput("request.parameter", "the list shows 'all' or 'open'")
        rows = list(islice((open_ones if show == "open" else newest)(console.state, before), PAGE + 1))
        shown = [_row(console, console.service.transfer(row.name)) for row in rows[:PAGE]]
        older = rows[PAGE - 1].number if len(rows) > PAGE else None
        state = console.state
        return console.page(
            "transfers.html", "transfers", visitor, rows=shown, show=show, older=older, before=before,
            open_count=len(state.open), count=len(state.proposals.rows),
        )  # fmt: skip

    async def one(request: Request) -> Response:
        visitor = console.visitor(request)
        name = request.path_params["transfer"]
        found = console.service.transfer(name)
        document = transfer_document(
            console.state, found, console.service.activity(name), console.service.health(), console.clock()
        )
        tone, says = _STATUS[document["status"]]
        return console.page(
            "transfer.html", "transfers", visitor, transfer=document, tone=tone, says=says,
            **offered(console, visitor, found), over=found.phase in ENDED,
        )  # fmt: skip

    return [Route("/transfers", listed), Route("/transfers/{transfer:str}", one)]


def offered(console: Console, visitor: Session, transfer: Transfer) -> dict[str, Any]:
    """The acts about a transfer in which this person has a part now; `elsewhere`: an approval, but not by this key."""
    state, person, subject = console.state, visitor.person, {"transfer": transfer.id}
    if transfer.id not in state.open or transfer.closed:
        return {"acts": [], "elsewhere": False}
    found = obligations_of(state, transfer, console.clock())
    asked = found is not None and transfer.phase is Phase.PROPOSED and approves(state, person, transfer, found)
    here = asked and found is not None and unfit(credential_of(state, person, visitor.key), found.terms) is None
    kinds = ["transfer.approve"] if here else []
    kinds += [kind for kind in ("transfer.reject", "transfer.cancel") if ACTS[kind].part(state, person, subject)]
    return {"acts": [ACTS[kind] for kind in kinds], "elsewhere": asked and not here}


def _row(console: Console, transfer: Transfer) -> dict[str, Any]:
    tone, status = _PHASE[transfer.phase.value]
    return {**summary(console.state, transfer), "tone": tone, "status": transfer.closed or status}


def _number(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidInput("request.parameter", "'before' is a number")
    return int(text)
