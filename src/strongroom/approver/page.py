"""The page of this machine on localhost: what waits, what it really is, and the passkey that signs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from strongroom.approver import enrol
from strongroom.approver.described import freezable, stops
from strongroom.approver.desk import APPROVE, Desk
from strongroom.approver.gate import Gate
from strongroom.approver.showing import find, newest_first, row, shown
from strongroom.custody.authority import in_force
from strongroom.documents.base64 import decode_base64, encode_base64
from strongroom.documents.canonical import encode
from strongroom.documents.statement import from_envelope
from strongroom.errors import InvalidInput, StrongroomError, Unreachable
from strongroom.pages.acts import ACTS
from strongroom.pages.answers import read_answer
from strongroom.pages.draw import Pages
from strongroom.pages.forms import need, read_form, read_query
from strongroom.pages.rows import rows
from strongroom.pages.served import static_routes
from strongroom.passkeys.statements import answered, question
from strongroom.wire.delivery import Handed

HERE: Final = Path(__file__).parent
_MOST: Final = 200  # open transfers of a list
_STATUS: Final[dict[type, int]] = {InvalidInput: 400, Unreachable: 503}


@dataclass(slots=True)
class Machine:
    """The page over a desk; `notice` is what the next page says once."""

    desk: Desk
    pages: Pages = field(default_factory=lambda: Pages(HERE / "templates"))
    notice: str = ""

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page in its frame, which says how old everything on it is."""
        desk, state, now = self.desk, self.desk.state, self.desk.clock()
        notice, self.notice = self.notice, ""
        begun = bool(desk.head.size)
        frame = {
            "person": desk.person,
            "label": in_force(state).label if begun else "Approver",
            "workspace": desk.follower.replica.workspace,
            "version": in_force(state).version if begun else 0,
            "head": desk.head,
            "age": desk.head.age(now),
            "fresh": desk.head.is_fresh(now, desk.config.max_age),
            "looks": desk.follower.looks,
            "frozen": [f for f in state.freezes.values() if f.ends is None or f.ends > now],
            "notice": notice,
            "now": now,
        }
        return self.pages.html(template, {**frame, **values}, status)


def create_page(desk: Desk, token: str) -> Starlette:
    """The application at the desk's origin; whoever brings the token may look, and only a passkey signs."""
    machine = Machine(desk)
    routes: list[BaseRoute] = [*_looking(machine), *_signing(machine), *enrol.routes(machine)]

    async def refused(_request: Request, error: Exception) -> Response:
        return _refusal(machine, error)

    return Starlette(
        routes=[*routes, *static_routes(HERE / "static" / "approver.js")],
        exception_handlers={StrongroomError: refused, HTTPException: refused},
        middleware=[Middleware(Gate, origin=desk.config.origin, token=token)],
    )


def _looking(machine: Machine) -> list[BaseRoute]:
    desk = machine.desk

    async def inbox(_request: Request) -> Response:
        state, now = desk.state, desk.clock()
        opened = [each for each in newest_first(state) if each.id in state.open]
        listed = [row(state, each, desk.person, now) for each in opened[:_MOST]]
        waiting = [each for each in listed if each["waits_for_you"]]
        others = [each for each in listed if not each["waits_for_you"]]
        more, passkeys = len(opened) - len(listed), desk.head.size and desk.passkeys()
        return machine.page("inbox.html", waiting=waiting, others=others, more=more, passkeys=passkeys)

    async def transfer(request: Request) -> Response:
        found = find(desk.state, request.path_params["name"])
        document = shown(desk.state, found, desk.person, desk.clock())
        kinds = [APPROVE] if document["waits_for_you"] else []
        if found.id in desk.state.open and not found.closed:
            kinds += ["transfer.reject", *(["transfer.cancel"] if found.initiator == desk.person else [])]
        subject = {"transfer": found.id}
        acts = [ACTS[kind] for kind in kinds if kind == APPROVE or ACTS[kind].part(desk.state, desk.person, subject)]
        return machine.page("transfer.html", transfer=document, acts=acts)

    async def stopping(_request: Request) -> Response:
        return machine.page("stops.html", groups=stops(desk), acts=ACTS, freezable=freezable(desk))

    async def changed(_request: Request) -> Response:
        head = desk.head
        return JSONResponse({"size": head.size, "fresh": head.is_fresh(desk.clock(), desk.config.max_age)})

    return [
        Route("/", inbox),
        Route("/transfers/{name}", transfer),
        Route("/stops", stopping),
        Route("/changed", changed),
    ]


def _signing(machine: Machine) -> list[BaseRoute]:
    desk = machine.desk

    async def show(request: Request) -> Response:
        given = read_query(request)
        act = ACTS.get(need(given, "kind"))
        if act is None or not (act.stops or act.kind == APPROVE):
            raise InvalidInput("statement.wrong_kind", "this machine signs approvals and stops")
        key = desk.key(given.get("key", ""))
        known = desk.known  # what is shown and what is signed are of one state
        statement = desk.statement(known, act.kind, act.subject(given), key.key_id)
        payload = encode(statement.to_doc())
        return machine.page(
            "sign.html", act=act, key=key, keys=desk.passkeys(),
            rows=rows(known.state, act.kind, statement.subject, desk.clock()),
            options=question(statement, [key]), payload=encode_base64(payload), text=payload.decode(), given=given,
        )  # fmt: skip

    async def take(request: Request) -> Response:
        form = await read_form(request)
        answer = read_answer(form.get("answer", ""))
        envelope = answered(decode_base64(need(form, "payload")), answer)
        statement = from_envelope(envelope)
        handed = await run_in_threadpool(desk.hand_in, envelope)
        await run_in_threadpool(desk.follower.look)
        machine.notice = said(ACTS[statement.kind].done, handed)
        transfer = statement.subject.get("transfer")
        return RedirectResponse(f"/transfers/{transfer}" if transfer else "/", 303)

    return [Route("/sign", show, methods=["GET"]), Route("/sign", take, methods=["POST"])]


def said(done: str, handed: Handed) -> str:
    """What came of it, in one line."""
    held = f" Held by {', '.join(handed.held)}." if handed.held else ""
    if handed.error is not None:
        return f"Signed. The coordinator has not taken it ({handed.error.code}).{held}"
    if handed.answer.get("status") == "collected":
        return f"Signed, and kept until others have signed too: {str(handed.answer.get('lacking'))[:200]}.{held}"
    return f"{done}.{held}"


def _refusal(machine: Machine, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        status, error = error.status_code, InvalidInput("request.not_found", "there is nothing at this address")
    else:
        status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 403)
    assert isinstance(error, StrongroomError)  # noqa: S101 - registered for these two alone
    return machine.page("refused.html", status, error=error, what=f"{status} {HTTPStatus(status).phrase}")
