"""Enrolling a passkey: made by the browser, proven by its own statement, handed over as a file."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from strongroom.console.console import Console
from strongroom.console.gate import PATH
from strongroom.documents.canonical import encode, parse
from strongroom.documents.credentials import Credential, Surface
from strongroom.documents.names import parse_slug
from strongroom.pages.answers import read_answer
from strongroom.pages.forms import need, read_form, read_query
from strongroom.passkeys.enrolment import enrolment_statement, prove
from strongroom.passkeys.registration import credential_of, registration_options
from strongroom.passkeys.statements import question


def routes(console: Console) -> list[Route]:
    """Three pages: the name, the key's proof, the file."""
    rp_id, origin = console.gate.origin.rp_id, console.gate.origin.text

    async def begin(request: Request) -> Response:
        name = read_query(request).get("name", "")
        options = registration_options(parse_slug(name), rp_id, _known(console, name)) if name else None
        known = name in console.policy.members
        return console.page("enrol.html", "", None, name=name, known=known, options=options)

    async def made(request: Request) -> Response:
        console.gate.require_origin(request)
        form = await read_form(request)
        answer, name = read_answer(form.get("answer", "")), parse_slug(need(form, "name"))
        credential = credential_of(answer, origin, rp_id, Surface.CONSOLE)
        options = question(enrolment_statement(name, credential, console.service.workspace), [credential])
        text = encode(credential.to_doc()).decode()
        return console.page("prove.html", "", None, name=name, credential=credential, text=text, options=options)

    async def proven(request: Request) -> Response:
        console.gate.require_origin(request)
        form = await read_form(request)
        answer = read_answer(form.get("answer", ""))
        name, credential = parse_slug(need(form, "name")), Credential.from_doc(parse(need(form, "credential").encode()))
        enrolment = prove(name, credential, console.service.workspace, answer)
        row = console.enrolments.put(enrolment, console.clock())
        return RedirectResponse(f"{PATH}/enrol/{row.name}", 303)

    async def done(request: Request) -> Response:
        row = console.enrolments.find(request.path_params["name"])
        return console.page("enrolled.html", "", None, row=row)

    async def file(request: Request) -> Response:
        row = console.enrolments.find(request.path_params["name"])
        name = f'attachment; filename="{row.enrolment.person}.enrolment.json"'
        text = json.dumps(row.enrolment.to_doc(), indent=2) + "\n"
        return Response(text, media_type="application/json", headers={"content-disposition": name})

    return [
        Route("/enrol", begin, methods=["GET"]),
        Route("/enrol", made, methods=["POST"]),
        Route("/enrol/prove", proven, methods=["POST"]),
        Route("/enrol/{name:str}", done, methods=["GET"]),
        Route("/enrol/{name:str}/file", file, methods=["GET"]),
    ]


def _known(console: Console, name: str) -> list[Credential]:
    """The person's passkeys of this place: the same authenticator need not hold two."""
    member = console.policy.members.get(name)
    return (
        [key for key in member.credentials.values() if key.passkey and key.surface is Surface.CONSOLE] if member else []
    )
