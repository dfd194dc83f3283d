"""The console as an application of its own: its routes, the headers of every answer, and errors as pages."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strongroom.api.errors import status_of
from strongroom.api.facade import Clock, Service
from strongroom.api.remedies import remedy_of
from strongroom.console import audit, enrol, inbox, policy, propose, sign, sign_in, transfers, workspace
from strongroom.console.console import HERE, Console
from strongroom.console.gate import PATH, Gate, Origin
from strongroom.console.sessions import Sessions
from strongroom.errors import Denied, InvalidInput, StrongroomError
from strongroom.pages.served import HEADERS, static_routes

_UNSIGNED: Final = ("session.missing", "session.assertion_missing")


class Answers:
    """ASGI middleware: every answer carries the headers, and only the console's own address is answered."""

    def __init__(self, app: ASGIApp, origin: Origin) -> None:
        self._app, self._origin = app, origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *ours]}
            await send(message)

        answer = self._app
        if scope["type"] == "http" and Request(scope).headers.get("host") != self._origin.host:
            # Passkeys are bound to one address: at another name of this server they would not be found.
            answer = RedirectResponse(f"{self._origin.text}{PATH}/", 307)
        await answer(scope, receive, headed)


def create_console(
    service: Service, origin: Origin, *, clock: Clock, seconds: Callable[[], float]
) -> Starlette:
    """The console at `origin`, to be mounted at PATH; `clock` as the API's, `seconds` for sessions."""
    console = Console(service, clock, Gate(origin, Sessions(seconds)))
    routes: list[BaseRoute] = [*static_routes(HERE / "static" / "console.js")]
    for part in (inbox, sign_in, enrol, propose, transfers, workspace, policy, audit, sign):
        routes += part.routes(console)

    async def refused(request: Request, error: Exception) -> Response:
        return _refusal(console, request, error)

    handlers = {StrongroomError: refused, HTTPException: refused}
    return Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(Answers, origin=origin)])


def _refusal(console: Console, request: Request, error: Exception) -> Response:
    """A page that says what was refused, why, and what to do; whoever only reads is asked to sign in."""
    if isinstance(error, HTTPException):
        known = {404: ("request.not_found", "there is nothing at this address")}
        code, text = known.get(error.status_code, ("request.method", "this address does not take that"))
        status, error = error.status_code, InvalidInput(code, text)
    else:
        assert isinstance(error, StrongroomError)  # noqa: S101 - registered for these two alone
        status = 401 if error.code in _UNSIGNED else status_of(error)
    if error.code == "session.missing" and request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{PATH}/sign-in?next={quote(request.url.path + query, safe='')}", 303)
    try:
        visitor = console.visitor(request)
    except Denied:
        visitor = None
    what = HTTPStatus(status).phrase
    remedy = error.remedy or remedy_of(error.code)
    return console.page("refused.html", "", visitor, status, error=error, remedy=remedy, what=f"{status} {what}")
