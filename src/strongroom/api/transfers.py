"""`/v1/transfers`: the integrator's call, and what became of it."""

from __future__ import annotations

import asyncio
import heapq
import time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from strongroom.api.evidence import proposal_of
from strongroom.api.facade import Activity, Clock, Service
from strongroom.api.intake import propose
from strongroom.api.models import DsseEnvelope, ErrorAnswer, ProposalEvidence, TransferAnswer, Transfers
from strongroom.api.openapi import json_body, refusals
from strongroom.api.timeline import Untold, transfer_document
from strongroom.custody.outline import summary
from strongroom.custody.state import Transfer
from strongroom.documents.envelope import Envelope
from strongroom.wire.body import read_document

_POLL: Final = 1.0  # seconds between looks, for what changes with time alone
_BREATH: Final = 0.02  # seconds: a busy coordinator changes all the time, and most of it concerns other transfers


def router(service: Service, clock: Clock) -> APIRouter:
    """The routes of transfers."""
    routes = APIRouter(prefix="/v1/transfers", tags=["transfers"])

    def shown(transfer: Transfer, activity: Activity | None = None) -> dict[str, Any]:
        newest = service.state.transfers.get(transfer.id, transfer)
        known = activity or service.activity(newest.id)
        return transfer_document(service.state, newest, known, service.health(), clock())

    @routes.post(
        "",
        summary="Propose a transfer, once for each idempotency key",
        status_code=201,
        response_model=TransferAnswer,
        responses={
            200: {"model": TransferAnswer, "description": "the same again: the transfer it made before"},
            409: {"model": ErrorAnswer, "description": "the idempotency key was used for another transfer"},
            **refusals(400, 403, 503),
        },
        openapi_extra=json_body(DsseEnvelope),
    )
    async def post(request: Request) -> JSONResponse:
        transfer, new = await propose(service, Envelope.from_doc(await read_document(request)))
        location = {"location": f"/v1/transfers/{transfer.id}"}
        if new:  # the store need not be asked: this is the call whose latency counts
            return JSONResponse(shown(transfer, Untold()), 201, headers=location)
        return JSONResponse(shown(transfer), 200, headers=location)

    @routes.get("", summary="The newest transfers", response_model=Transfers, responses=refusals(400))
    async def listed(
        open: Annotated[bool, Query(description="only those that have not ended")] = False,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> JSONResponse:
        state = service.state
        chosen = (state.transfers[name] for name in state.open) if open else state.transfers.values()
        newest = heapq.nlargest(limit, chosen, key=lambda transfer: transfer.proposed)
        return JSONResponse({"transfers": [summary(state, transfer) for transfer in newest]})

    @routes.get(
        "/{transfer}",
        summary="One transfer with its timeline",
        response_model=TransferAnswer,
        responses=refusals(400, 404),
    )
    async def one(
        transfer: str,
        wait: Annotated[int, Query(ge=0, le=60, description="seconds to wait for a change")] = 0,
        version: Annotated[str, Query(description="what the caller knows: answer once it differs")] = "",
    ) -> JSONResponse:
        found = service.transfer(transfer)
        document = shown(found)
        known, deadline = version or document["version"], time.monotonic() + wait
        while wait and document["version"] == known and (left := deadline - time.monotonic()) > 0:
            await service.changed(min(left, _POLL))
            await asyncio.sleep(_BREATH)
            document = shown(found)
        return JSONResponse(document)

    @routes.get(
        "/{transfer}/proposal",
        summary="The initiator's signed statement: its SHA-256 is the transfer's id",
        response_model=ProposalEvidence,
        responses=refusals(404),
    )
    async def proposal(transfer: str) -> JSONResponse:
        found = service.transfer(transfer)
        index, envelope = proposal_of(service.entries, service.state.size, found)
        return JSONResponse({"entry": index, "envelope": envelope.to_doc()})

    return routes
