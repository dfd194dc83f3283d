"""`/v1/seals`: the state's digest into the log, on request."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from strongroom.api.facade import Service
from strongroom.api.models import SealAnswer
from strongroom.api.openapi import refusals
from strongroom.log.entry import parse_entry


def router(service: Service) -> APIRouter:
    """The route of seals."""
    routes = APIRouter(prefix="/v1/seals", tags=["statements"])

    @routes.post(
        "",
        summary="Seal the digest of the state into the log: every witness compares, and snapshots begin there",
        response_model=SealAnswer,
        responses=refusals(403, 503),
    )
    async def post() -> JSONResponse:
        index = service.seal()
        (raw,) = service.entries(index, 1)
        return JSONResponse({"entry": index, "digest": parse_entry(raw).body["digest"]})

    return routes
