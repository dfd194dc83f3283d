"""`/v1/requests`: what services sign as tokens over the raw body instead of statements."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from strongroom.api.facade import Clock, Service
from strongroom.api.intake import propose
from strongroom.api.models import ErrorAnswer, IntentRequest, TransferAnswer
from strongroom.api.openapi import json_body, refusals
from strongroom.api.timeline import Untold, transfer_document
from strongroom.custody.authority import in_force
from strongroom.custody.state import CustodyState
from strongroom.documents.credentials import Kind
from strongroom.documents.envelope import MAX_SIGNATURE_BYTES, Envelope
from strongroom.documents.request import REQUEST_TYPE, URI, client_id, read_token
from strongroom.errors import InvalidInput, Refused
from strongroom.wire.body import read_body

_MAX_BODY: Final = 16384  # an intent, whatever its spelling; the whole entry has to stay below 64 KiB


def router(service: Service, clock: Clock) -> APIRouter:
    """The route of signed requests."""
    routes = APIRouter(tags=["transfers"])

    @routes.post(
        URI,
        summary="Propose a transfer by a body signed with RS256, once for each idempotency key",
        status_code=201,
        response_model=TransferAnswer,
        responses={
            200: {"model": TransferAnswer, "description": "the same again: the transfer it made before"},
            409: {"model": ErrorAnswer, "description": "the idempotency key was used for another transfer"},
            **refusals(400, 401, 403, 503),
        },
        openapi_extra={**json_body(IntentRequest), "security": [{"rs256": []}]},
    )
    async def post(request: Request) -> JSONResponse:
        token = _token(request)
        envelope = _envelope(service.state, await read_body(request, _MAX_BODY), token)
        transfer, new = await propose(service, envelope)
        newest = service.state.transfers.get(transfer.id, transfer)
        activity = Untold() if new else service.activity(newest.id)
        answer = transfer_document(service.state, newest, activity, service.health(), clock())
        return JSONResponse(answer, 201 if new else 200, headers={"location": f"/v1/transfers/{transfer.id}"})

    return routes


def _token(request: Request) -> bytes:
    given = request.headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.isascii() or not 0 < len(token) <= MAX_SIGNATURE_BYTES:
        raise InvalidInput("jwt.missing", "a request carries one token", "send Authorization: Bearer <token>")
    return token.encode()


def _envelope(state: CustodyState, body: bytes, token: bytes) -> Envelope:
    """The request as the log will hold it, under the key that the token's client id stands for."""
    client = read_token(token)[0]["sub"]
    for name, credential in in_force(state).credentials.items():
        if credential.kind is Kind.RS256 and client_id(state.workspace, name) == client:
            return Envelope(body, REQUEST_TYPE, ((name, token),))
    raise Refused("statement.other_workspace", "no key of this workspace calls itself as the token does")
