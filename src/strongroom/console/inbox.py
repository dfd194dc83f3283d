"""The inbox: what waits for the person who is signed in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from strongroom.console.console import Console
from strongroom.console.recent import newest_open
from strongroom.console.sessions import Session
from strongroom.custody.authority import credential_of
from strongroom.custody.decision import Awaiting, block, owed, unfit, verdict
from strongroom.custody.decision import describe as lacking
from strongroom.custody.moment import Moment
from strongroom.custody.outline import approves, summary
from strongroom.custody.state import Phase, Transfer
from strongroom.custody.words import terms
from strongroom.pages.acts import ACTS, link
from strongroom.pages.rows import rows
from strongroom.policy.evaluate import Allowed

MOST_SHOWN: Final = 25


def routes(console: Console) -> list[Route]:
    """The first page."""

    async def page(request: Request) -> Response:
        visitor = console.visitor(request)
        waiting = list(islice(approvals(console, visitor), MOST_SHOWN))
        own = (each for each in newest_open(console.state) if each.initiator == visitor.person)
        return console.page(
            "inbox.html", "inbox", visitor, approvals=waiting, more=len(waiting) == MOST_SHOWN,
            statements=list(statements(console, visitor.person)),
            mine=[summary(console.state, each) for each in islice(own, MOST_SHOWN)],
        )  # fmt: skip

    return [Route("/", page)]


def approvals(console: Console, visitor: Session) -> Iterator[dict[str, Any]]:
    """The newest open transfers that an approval of this person would bring forward; `elsewhere`: not by this key."""
    state, policy, person = console.state, console.policy, visitor.person
    key = credential_of(state, person, visitor.key)
    moment = Moment.at(max(state.time, console.clock()))
    for transfer in newest_open(state):
        found = _lacks(console, transfer, moment)
        if found is None:
            continue
        answer, stand = found
        if approves(state, person, transfer, answer.obligations):
            native = policy.chains[state.wallets[transfer.intent.wallet].chain].native
            yield {
                **summary(state, transfer),
                "rule": answer.obligations.rule,
                "terms": terms(policy, answer.obligations.terms, native),
                "lacking": lacking(stand),
                "elsewhere": unfit(key, answer.obligations.terms) is not None,
            }


def _lacks(console: Console, transfer: Transfer, moment: Moment) -> tuple[Allowed, Awaiting] | None:
    if transfer.phase is not Phase.PROPOSED or block(console.state, transfer, moment):
        return None
    answer = verdict(console.state, transfer, moment)
    if not isinstance(answer, Allowed):
        return None
    stand = owed(console.state, transfer, answer, moment)
    return (answer, stand) if isinstance(stand, Awaiting) and stand.approvals else None


def statements(console: Console, person: str) -> Iterator[dict[str, Any]]:
    """What others have signed and this person could sign, too."""
    for row in console.service.collected():
        act = ACTS.get(row.kind)
        if act is None or person in row.people or not act.part(console.state, person, row.subject):
            continue
        shown = rows(console.state, row.kind, dict(row.subject), console.clock())
        yield {"act": act, "people": row.people, "rows": shown, "subject": link(**row.subject)}
