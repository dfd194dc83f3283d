"""The outermost layer: whom the request believes it speaks to, how often, and that no fault passes uncaught."""

from __future__ import annotations

import time
from math import ceil
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strongroom.api.errors import answer, on_unexpected
from strongroom.errors import InvalidInput, Unreachable
from strongroom.wire.clients import Buckets

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


def host_of(header: bytes) -> str:
    """The name in a Host header without its port, lower case."""
    text = header.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0]


class Guard:
    """ASGI middleware; `hosts` are the names the server answers to, None for any; `requests` a second of one client.

    A page in a browser can make its own name point to 127.0.0.1 (DNS rebinding), but it cannot change the
    Host header that the browser then sends.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None, requests: float) -> None:
        self._app, self._hosts, self._rates = app, hosts, Buckets(requests, 2 * requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        named = [value for name, value in scope["headers"] if name == b"host"]
        if self._hosts is not None and (len(named) != 1 or host_of(named[0]) not in self._hosts):
            remedy = "address the coordinator as 127.0.0.1 or localhost"
            refusal = answer(InvalidInput("request.host", "the Host header names another server", remedy))
            return await refusal(scope, receive, send)
        client = scope.get("client")
        if wait := self._rates.take(client[0] if client else "", time.monotonic()):
            refusal = answer(Unreachable("request.too_many", "more requests than one client may send", "wait a little"))
            refusal.headers["retry-after"] = str(ceil(wait))
            return await refusal(scope, receive, send)
        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            response = on_unexpected(error, scope["path"])
            if not begun:
                await response(scope, receive, send)
