"""`/v1/statements`: whatever else people and services sign."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from strongroom.api.facade import Service
from strongroom.api.intake import state_something
from strongroom.api.models import StatementRequest, SubmissionAnswer
from strongroom.api.openapi import json_body, refusals
from strongroom.documents.canonical import MAX_BYTES
from strongroom.wire.body import read_document

_MAX_BYTES: Final = 2 * MAX_BYTES  # an envelope, and a policy that has to fit an entry by itself


def router(service: Service) -> APIRouter:
    """The route of statements."""
    routes = APIRouter(prefix="/v1/statements", tags=["statements"])

    @routes.post(
        "",
        summary="Hand in a signed statement: logged at once, or collected until enough people have signed",
        response_model=SubmissionAnswer,
        responses={
            202: {"model": SubmissionAnswer, "description": "collected"},
            **refusals(400, 403, 404, 409, 503),
        },
        openapi_extra=json_body(StatementRequest),
    )
    async def post(request: Request) -> JSONResponse:
        done = await state_something(service, await read_document(request, max_bytes=_MAX_BYTES))
        document = {
            "kind": done.kind,
            "status": done.status,
            "entry": done.entry,
            "transfer": done.transfer,
            "lacking": done.lacking,
        }
        return JSONResponse(document, 200 if done.status == "logged" else 202)

    return routes
