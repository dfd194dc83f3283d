"""`/v1/notices/key`: what receivers of webhooks verify their signatures with."""

from __future__ import annotations

import base64

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from strongroom.api.facade import Service
from strongroom.api.models import NoticeKey
from strongroom.api.openapi import refusals
from strongroom.errors import Refused


def router(service: Service) -> APIRouter:
    """The route of the notice key."""
    routes = APIRouter(prefix="/v1/notices", tags=["reading"])

    @routes.get(
        "/key",
        summary="The Ed25519 key under which webhooks are signed (Standard Webhooks, v1a)",
        response_model=NoticeKey,
        responses=refusals(404),
    )
    async def key() -> JSONResponse:
        found = service.notice_key()
        if found is None:
            raise Refused("notices.no_key", "this coordinator sends no webhooks", "add [[notices]] to coordinator.toml")
        return JSONResponse({**found.to_doc(), "webhook": "whpk_" + base64.b64encode(found.public).decode()})

    return routes
