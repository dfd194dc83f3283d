"""From coded errors to HTTP answers, in one place; nothing unexpected leaks into an answer or a log line."""

from __future__ import annotations

import logging
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from strongroom.api.remedies import remedy_of
from strongroom.errors import Denied, InvalidInput, Refused, StrongroomError, Unreachable, Waiting

_log = logging.getLogger("strongroom.api")

_CLASS: Final[dict[type, int]] = {InvalidInput: 400, Denied: 403, Refused: 403, Unreachable: 503, Waiting: 409}
_CONFLICTS: Final = frozenset(
    {
        "approval.person_already_counted",
        "freeze.weekly",
        "intent.closed",
        "intent.idempotency_conflict",
        "intent.idempotency_used",
        "policy.no_proposal",
        "policy.version",
        "statement.already_counted",
        "workspace.created_twice",
    }
)
_NOT_FOUND: Final = frozenset({"transfer.unknown", "freeze.unknown", "notices.no_key", "request.not_found"})
# Refused for what was sent, not for what the policy says: the caller mends it and sends it again.
_TO_MEND: Final = frozenset(
    {
        "approval.other_obligations",
        "balance.insufficient",
        "credential.bad_signature",
        "envelope.not_signed",
        "evidence.count",
        "statement.expired",
        "statement.key_mismatch",
        "statement.other_subject",
        "statement.other_workspace",
        "statement.seen_too_old",
        "statement.seen_unknown",
        "statement.signature_count",
        "statement.wrong_kind",
    }
)


def status_of(error: StrongroomError) -> int:
    """The HTTP status of a coded error; 500 only for one that is of no known class."""
    if error.code in _CONFLICTS or error.code.endswith(".exists"):
        return 409
    if error.code in _NOT_FOUND:
        return 404
    if error.code in _TO_MEND:
        return 400
    if error.code.startswith("jwt."):
        return 401
    if error.code == "request.too_many":
        return 429
    return next((_CLASS[kind] for kind in type(error).__mro__ if kind in _CLASS), 500)


def error_document(error: StrongroomError) -> dict[str, dict[str, str]]:
    """`{"error": {"code", "message", "remedy"}}`."""
    remedy = error.remedy or remedy_of(error.code)
    return {"error": {"code": error.code, "message": error.message, "remedy": remedy}}


def answer(error: StrongroomError) -> JSONResponse:
    """The whole answer to a request that failed."""
    return JSONResponse(error_document(error), status_of(error))


async def on_strongroom_error(_request: Request, error: Exception) -> JSONResponse:
    """Any coded error raised while a request was handled."""
    assert isinstance(error, StrongroomError)  # noqa: S101 - registered for this class alone
    return answer(error)


async def on_parameters(_request: Request, error: Exception) -> JSONResponse:
    """A path or query parameter of the wrong form; the framework's own text would repeat the input."""
    named = ""
    for problem in getattr(error, "errors", list)():
        named = ".".join(str(part) for part in problem.get("loc", ())[1:])[:40]
        break
    message = f"the parameter {named!a} has the wrong form"
    return answer(InvalidInput("request.parameter", message, "see /openapi.json"))


async def on_http(_request: Request, error: Exception) -> JSONResponse:
    """What the router refuses: no such path, or no such method on it."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    known = {404: "request.not_found", 405: "request.method"}
    texts = {404: "there is nothing at this path", 405: "this path does not take that method"}
    code, message = known.get(status, "request.refused"), texts.get(status, "the request was refused")
    document = error_document(InvalidInput(code, message, "see /openapi.json"))
    return JSONResponse(document, status, headers=getattr(error, "headers", None))


def on_unexpected(error: Exception, path: str) -> JSONResponse:
    """An answer that says nothing, and a log line with the place of the fault: neither its text nor the request."""
    place, trace = "", error.__traceback__
    while trace is not None:
        place, trace = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}", trace.tb_next
    _log.error("internal.error %s at %s, path %s", type(error).__name__, place, ascii(path)[:100])
    fault = StrongroomError("internal.error", "the coordinator failed on this request", "see its log")
    return JSONResponse(error_document(fault), 500)
