"""Everything that is only read: workspace, log, policy, keys, wallets, addresses, freezes, status, bundle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from strongroom.api import models, views
from strongroom.api.facade import Clock, Service
from strongroom.api.openapi import refusals
from strongroom.audit.bundle import BundleWriter
from strongroom.audit.evidence import evidence_of
from strongroom.errors import Unreachable
from strongroom.log.checkpoint import parse_note
from strongroom.log.entry import leaf_hash

_PAGE: Final = 500
_DIGEST_WAIT: Final = 5.0  # seconds


async def audit_pieces(service: Service, *, chain: bool) -> AsyncIterator[bytes]:
    """The audit bundle of every entry that the newest checkpoint covers, with chain evidence if wanted."""
    note, writer, start = service.note, BundleWriter(), 0
    size = parse_note(note).checkpoint.size
    yield writer.header(service.workspace)
    while start < size:
        page = await run_in_threadpool(service.entries, start, min(_PAGE, size - start))
        if not page:
            raise Unreachable("log.gap", f"the coordinator holds no entry {start}")
        yield b"".join(map(writer.entry, page))
        start += len(page)
    yield writer.note(note)
    for wallet in service.cosigned.wallets.values() if chain else ():
        async for document in evidence_of(service.chain_node(wallet.chain), wallet.chain, wallet.address):
            yield writer.evidence(document)
    yield writer.end()


def router(service: Service, clock: Clock) -> APIRouter:
    """The routes that only read."""
    routes = APIRouter(prefix="/v1", tags=["reading"])

    @routes.get("/workspace", summary="Which workspace this is", response_model=models.Workspace)
    async def workspace() -> JSONResponse:
        return JSONResponse(views.workspace_document(service.state))

    @routes.get(
        "/checkpoint",
        summary="The newest head that a quorum of witnesses has cosigned",
        response_model=models.CheckpointAnswer,
        responses=refusals(503),
    )
    async def checkpoint() -> JSONResponse:
        return JSONResponse(views.checkpoint_document(_note(service)))

    @routes.get("/entries", summary="Log entries", response_model=models.Entries, responses=refusals(400))
    async def entries(
        start: Annotated[int, Query(alias="from", ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> JSONResponse:
        found = service.entries(start, limit)
        rows = [
            {"index": start + offset, "leaf": leaf_hash(raw).hex(), "raw": raw.decode()}
            for offset, raw in enumerate(found)
        ]
        return JSONResponse({"size": service.state.size, "entries": rows})

    @routes.get("/status", summary="Health of every role", response_model=models.StatusAnswer, responses=refusals(400))
    async def status(
        digests: Annotated[bool, Query(description="ask the nodes for their state digests")] = False,
    ) -> JSONResponse:
        asked = await service.node_digests(_DIGEST_WAIT) if digests else None
        health, now = service.health(), clock()
        document = views.status_document(service.state, service.cosigned, service.note, health, now, asked)
        return JSONResponse(document)

    @routes.get("/policy", summary="The policy in force", response_model=models.PolicyAnswer)
    async def policy() -> JSONResponse:
        return JSONResponse(views.policy_document(service.state))

    @routes.get("/keys", summary="Threshold keys", response_model=models.Keys)
    async def keys() -> JSONResponse:
        return JSONResponse(views.keys_document(service.state))

    @routes.get("/keygens", summary="Key generations and refreshes under way", response_model=models.Keygens)
    async def keygens() -> JSONResponse:
        return JSONResponse(views.keygens_document(service.keygens()))

    @routes.get(
        "/repair", summary="The heads that nodes hold, and what a repair would do", response_model=models.RepairAnswer
    )
    async def repair() -> JSONResponse:
        return JSONResponse(views.repair_document(service.split()))

    @routes.get("/orders", summary="Repairs and changes of witnesses under way", response_model=models.OrdersAnswer)
    async def orders() -> JSONResponse:
        return JSONResponse(views.orders_document(service.orders()))

    @routes.get("/wallets", summary="Wallets and their addresses", response_model=models.Wallets)
    async def wallets() -> JSONResponse:
        return JSONResponse(views.wallets_document(service.state, service.balances()))

    @routes.get("/addresses", summary="Listed destinations", response_model=models.Addresses)
    async def addresses() -> JSONResponse:
        return JSONResponse(views.addresses_document(service.state))

    @routes.get("/freezes", summary="Freezes", response_model=models.Freezes)
    async def freezes() -> JSONResponse:
        return JSONResponse(views.freezes_document(service.state, clock()))

    @routes.get(
        "/bundle",
        summary="The audit bundle: the whole log with its checkpoint, verified offline",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **refusals(400, 503)},
    )
    async def bundle(
        chain: Annotated[bool, Query(description="with every transaction that the wallets have sent")] = False,
    ) -> StreamingResponse:
        _note(service)
        for wallet in service.cosigned.wallets.values() if chain else ():
            await service.chain_node(wallet.chain).block("latest")  # a node that is away is told before the answer
        name = f'attachment; filename="strongroom-{service.workspace[:12]}.bundle"'
        headers = {"content-disposition": name, "strongroom-entries": str(parse_note(service.note).checkpoint.size)}
        return StreamingResponse(audit_pieces(service, chain=chain), media_type="text/plain", headers=headers)

    return routes


def _note(service: Service) -> str:
    if not service.note:
        raise Unreachable(
            "checkpoint.missing", "no quorum of witnesses has cosigned this log yet", "see GET /v1/status"
        )
    return service.note
