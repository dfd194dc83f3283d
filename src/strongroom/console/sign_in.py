"""Signing in by a passkey that the policy lists, and out."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from strongroom.console.console import Console
from strongroom.console.gate import PATH
from strongroom.custody.authority import credential_of
from strongroom.documents.credentials import Credential, Surface
from strongroom.documents.passkey import challenge_of
from strongroom.errors import Denied, Refused
from strongroom.pages.answers import read_answer
from strongroom.pages.forms import need, read_form, read_query
from strongroom.passkeys.assertion import assertion_options, chosen, evidence_of

_MESSAGE: Final = "strongroom console sign-in\n{workspace}\n{challenge}"
"""What the passkey signs; no statement's pre-authentication encoding begins like it."""


def passkeys(console: Console) -> dict[str, tuple[str, Credential]]:
    """The passkeys that can be used on these pages, by key id, with their holders."""
    state, found = console.state, {}
    for member in console.policy.members.values():
        for key in member.credentials.values():
            here = key.passkey is not None and key.passkey.origin == console.gate.origin.text
            usable = key.key_id not in state.revoked and member.name not in state.suspended
            if here and usable and key.surface is Surface.CONSOLE:
                found[key.key_id] = (member.name, key)
    return found


def back(path: str) -> str:
    """Where to go after signing in: a page of the console, never another place."""
    ours = path.startswith(f"{PATH}/") and "\\" not in path and not path.startswith(f"{PATH}//")
    return path if ours and path.isprintable() else f"{PATH}/"


def routes(console: Console) -> list[Route]:
    """The routes of sessions."""

    def message(challenge: str) -> bytes:
        return _MESSAGE.format(workspace=console.service.workspace, challenge=challenge).encode()

    async def page(request: Request) -> Response:
        keys = [key for _, key in passkeys(console).values()]
        challenge = console.gate.sessions.challenge()
        options: dict[str, Any] | None = None
        if keys:
            options = assertion_options(challenge_of(message(challenge)), keys)
        to = back(read_query(request).get("next", ""))
        return console.page("sign_in.html", "", None, options=options, challenge=challenge, next=to)

    async def enter(request: Request) -> Response:
        console.gate.require_origin(request)
        form = await read_form(request)
        if not form.get("answer"):
            raise Denied("session.assertion_missing", "the passkey was not used", "sign in again")
        answer, challenge, known = read_answer(form["answer"]), need(form, "challenge"), passkeys(console)
        key = chosen(answer, [key for _, key in known.values()])
        person, _ = known[key.key_id]
        try:
            credential_of(console.state, person, key.key_id).verify(message(challenge), evidence_of(answer))
            console.gate.sessions.spend(challenge)
        except Refused as error:
            raise Denied(error.code, error.message, error.remedy) from None
        response = RedirectResponse(back(form.get("next", "")), 303)
        console.gate.leave(request)  # whatever session the browser brought along does not become this one
        console.gate.enter(response, person, key.key_id)
        return response

    async def leave(request: Request) -> Response:
        visitor = console.visitor(request)
        console.gate.require_form(request, visitor, await read_form(request))
        console.gate.leave(request)
        response = RedirectResponse(f"{PATH}/sign-in", 303)
        response.delete_cookie(console.gate.origin.cookie, path=PATH)
        return response

    return [
        Route("/sign-in", page, methods=["GET"]),
        Route("/sign-in", enter, methods=["POST"]),
        Route("/sign-out", leave, methods=["POST"]),
    ]
