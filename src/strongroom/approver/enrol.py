"""A new passkey for this machine's page: made, proven, and written into a file for the administrators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from strongroom.documents.canonical import encode, parse
from strongroom.documents.credentials import Credential, Surface
from strongroom.pages.answers import read_answer
from strongroom.pages.forms import need, read_form
from strongroom.passkeys.enrolment import enrolment_statement
from strongroom.passkeys.enrolment import prove as prove_enrolment
from strongroom.passkeys.registration import credential_of, registration_options
from strongroom.passkeys.statements import question

if TYPE_CHECKING:
    from strongroom.approver.page import Machine

RP_ID: Final = "localhost"
FILE: Final = "passkey.enrolment.json"


def routes(machine: Machine) -> list[Route]:
    """Make a passkey, prove it, and show the file of the newest one."""
    desk = machine.desk
    workspace, file = desk.follower.replica.workspace, desk.home / FILE

    async def begin(_request: Request) -> Response:
        options = registration_options(desk.person, RP_ID, desk.passkeys() if desk.head.size else ())
        made = file.read_text() if file.exists() else ""
        return machine.page("enrol.html", options=options, made=made, file=str(file))

    async def prove(request: Request) -> Response:
        form = await read_form(request)
        made = credential_of(read_answer(form.get("answer", "")), desk.config.origin, RP_ID, Surface.APPROVER)
        options = question(enrolment_statement(desk.person, made, workspace), [made])
        return machine.page("prove.html", options=options, credential=encode(made.to_doc()).decode(), key=made)

    async def done(request: Request) -> Response:
        form = await read_form(request)
        credential = Credential.from_doc(parse(need(form, "credential").encode()))
        made = prove_enrolment(desk.person, credential, workspace, read_answer(form.get("answer", "")))
        file.write_text(json.dumps(made.to_doc(), indent=2) + "\n")
        machine.notice = f"Made. Give {file} to an administrator."
        return RedirectResponse("/enrol", 303)

    return [
        Route("/enrol", begin, methods=["GET"]),
        Route("/enrol", prove, methods=["POST"]),
        Route("/enrol/done", done, methods=["POST"]),
    ]
