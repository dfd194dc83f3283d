"""The door of this machine's page: its own address only, and only who was given the token at the start."""

from __future__ import annotations

import hmac
import secrets
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strongroom.pages.served import HEADERS

_PARAMETER: Final = "token"


class Gate:
    """ASGI middleware around the page at an origin; every answer carries the headers.

    Another program or user of the machine does not know the token, and another site's page can neither read nor post:
    the Host and Origin headers are the browser's own, and the cookie never leaves this address.
    """

    def __init__(self, app: ASGIApp, origin: str, token: str) -> None:
        self._app, self._origin, self._token = app, origin, token
        self._host = urlsplit(origin).netloc
        self._cookie = f"strongroom-approver-{urlsplit(origin).port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *ours]}
            await send(message)

        refusal = self._refusal(Request(scope))
        await (self._app if refusal is None else refusal)(scope, receive, headed)

    def _refusal(self, request: Request) -> Response | None:
        headers = request.headers
        if headers.getlist("host") != [self._host]:
            return _said(f"request.host: this page is at {self._origin} only", 403)
        given = parse_qs(request.scope["query_string"].decode("latin-1")).get(_PARAMETER, [])
        if request.method == "GET" and len(given) == 1 and self._is_token(given[0]):
            entered = RedirectResponse(request.url.path, 303)
            entered.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
            return entered
        if not self._is_token(request.cookies.get(self._cookie, "")):
            return _said("session.missing: open the address that `strongroom approver run` has printed", 401)
        if request.method != "GET" and not self._own(headers):
            return _said("request.origin: another page has sent this form", 403)
        return None

    def _own(self, headers: Headers) -> bool:
        """Whether the page itself sent the form: without a referrer browsers name no origin, but say which site's."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        ours = origin == self._origin if origin not in (None, "null") else site is not None
        return ours and site in (None, "same-origin")

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._token.encode())


def new_token() -> str:
    """256 random bits, for one process."""
    return secrets.token_urlsafe(32)


def _said(text: str, status: int) -> Response:
    return PlainTextResponse(text + "\n", status)
