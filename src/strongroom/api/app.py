"""The application: routers, the guard in front, and every error turned into a coded answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from strongroom import __version__
from strongroom.api import errors, notices, openapi, reading, seals, statements, tokens, transfers
from strongroom.api.facade import Clock, Service
from strongroom.api.guard import LOOPBACK, Guard
from strongroom.console.app import create_console
from strongroom.console.gate import PATH, Origin
from strongroom.errors import StrongroomError

_ABOUT = """Every decision is made by the log: this API takes signed statements and shows the state.
Errors are `{"error": {"code", "message", "remedy"}}` with stable codes. Times are unix milliseconds UTC;
amounts are base units in decimal strings."""


def now_ms() -> int:
    """Unix milliseconds of this machine."""
    return time.time_ns() // 1_000_000


async def _to_console(_request: Request) -> Response:
    return RedirectResponse(f"{PATH}/", 307)


def create_app(
    service: Service, *, hosts: frozenset[str] | None = LOOPBACK, clock: Clock = now_ms, requests: float = 500,
    console: str = "", seconds: Callable[[], float] = time.monotonic,
) -> FastAPI:  # fmt: skip
    """The API over a coordinator; `hosts` are the names in Host headers that it answers to, None for any.

    `requests` a second are what one client address may send; twice as many at once. `console` is the origin at which
    people find the pages, "" for none; `seconds` is the clock of their sessions.
    """
    # No documentation pages: theirs load code from elsewhere.
    app = FastAPI(title="Strongroom", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None)
    for routes in (
        transfers.router(service, clock),
        tokens.router(service, clock),
        statements.router(service),
        seals.router(service),
        reading.router(service, clock),
        notices.router(service),
    ):
        app.include_router(routes)
    if console:
        origin = Origin(console)
        hosts = None if hosts is None else hosts | {origin.rp_id}  # behind a proxy that has the certificate
        app.mount(PATH, create_console(service, origin, clock=clock, seconds=seconds))
        app.add_route("/", _to_console, include_in_schema=False)
    app.add_exception_handler(StrongroomError, errors.on_strongroom_error)
    app.add_exception_handler(RequestValidationError, errors.on_parameters)
    app.add_exception_handler(HTTPException, errors.on_http)
    app.add_middleware(Guard, hosts=hosts, requests=requests)

    def described() -> dict[str, Any]:
        return openapi.describe(app)

    app.openapi = described  # type: ignore[method-assign]
    return app
