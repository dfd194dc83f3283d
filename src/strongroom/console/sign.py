"""The one way in which these pages act: a statement is built and shown, a passkey signs it, the log takes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from strongroom.api.facade import Submission
from strongroom.api.intake import propose
from strongroom.console import describe
from strongroom.console.console import Console
from strongroom.console.gate import PATH
from strongroom.console.sessions import Session
from strongroom.custody.authority import PROPOSE, credential_of
from strongroom.custody.outline import obligations_of
from strongroom.custody.stops import transfer_of
from strongroom.documents.base64 import decode_base64, encode_base64
from strongroom.documents.canonical import encode, parse
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Seen, Statement, from_envelope
from strongroom.errors import Denied, Refused, Unreachable
from strongroom.log.checkpoint import parse_note
from strongroom.pages.acts import ACTS, Act
from strongroom.pages.answers import read_answer
from strongroom.pages.forms import need, read_form, read_query
from strongroom.pages.rows import rows
from strongroom.passkeys.statements import answered, question


@dataclass(frozen=True, slots=True)
class Signing:
    """A statement that waits for a passkey: its canonical text, and what the browser is asked to sign."""

    act: Act
    text: str
    payload: str
    options: dict[str, Any]
    attachment: str = ""


def signing(console: Console, visitor: Session, act: Act, subject: dict[str, Any], attachment: str = "") -> Signing:
    """The statement of an act by who is signed in; raises what makes it impossible."""
    state, now = console.state, console.clock()
    obligations, seen = None, None
    if act.kind == "transfer.approve":
        transfer = transfer_of(state, subject.get("transfer"))
        found = obligations_of(state, transfer, now)
        if found is None:
            raise Denied("policy.denied", "the policy denies this transfer now: there is nothing to approve")
        obligations = found.digest
    if not act.stops:
        if not console.service.note:
            raise Unreachable("checkpoint.missing", "no quorum of witnesses has cosigned this log yet", "see Audit")
        head = parse_note(console.service.note).checkpoint
        seen = Seen(head.size, head.root.hex())
    statement = Statement(
        state.workspace, act.kind, subject, obligations, seen, visitor.person, visitor.key, now + act.lasts
    )
    payload = encode(statement.to_doc())
    options = question(statement, [credential_of(state, visitor.person, visitor.key)])
    return Signing(act, payload.decode(), encode_base64(payload), options, attachment)


def signed(kind: str, visitor: Session, form: dict[str, str]) -> Envelope:
    """The statement that a form brings back with its assertion; raises Denied session.*, InvalidInput."""
    payload = decode_base64(need(form, "payload"))
    envelope = answered(payload, read_answer(form.get("answer", "")))
    statement = from_envelope(envelope)
    if statement.kind != kind:
        raise Refused("statement.wrong_kind", f"the statement is a {statement.kind}, not a {kind}")
    if statement.person != visitor.person:
        raise Denied("session.other_person", f"'{statement.person}' is not signed in here", "sign in again")
    return envelope


def require_part(console: Console, visitor: Session, act: Act, subject: dict[str, Any]) -> None:
    """Raise Denied authority.no_part for who could not help to it."""
    if not act.part(console.state, visitor.person, subject):
        raise Denied("authority.no_part", f"'{visitor.person}' has no part in this: {act.title.lower()}", "see Policy")


def routes(console: Console) -> list[BaseRoute]:
    """Two routes for each act: the page that shows what is to be signed, and the way in for what was signed."""
    found: list[BaseRoute] = []
    for act in ACTS.values():
        path = f"/acts/{act.kind}"
        found.append(Route(path, _shown(console, act), methods=["GET"], name=f"show {act.kind}"))
        found.append(Route(path, _taken(console, act), methods=["POST"], name=f"sign {act.kind}"))
    return found


Handler = Callable[[Request], Awaitable[Response]]


def _shown(console: Console, act: Act) -> Handler:
    async def show(request: Request) -> Response:
        visitor = console.visitor(request)
        given = read_query(request)
        if act.page:
            return RedirectResponse(f"{PATH}{act.page}?{request.url.query}", 303)
        asked = bool(act.asks) and not any(given.keys() >= set(names) for names in (act.asks, act.fields, ("subject",)))
        subject = {} if asked else act.subject(given)
        require_part(console, visitor, act, subject or dict(given))
        section = act.back.split("/")[1] or "inbox"
        if asked:
            choices = describe.choices(console, act)
            return console.page("ask.html", section, visitor, act=act, given=given, choices=choices)
        box = signing(console, visitor, act, subject)
        shown = rows(console.state, act.kind, subject, console.clock())
        return console.page("sign.html", section, visitor, act=act, rows=shown, signing=box, back=_back(act, subject))

    return show


def _taken(console: Console, act: Act) -> Handler:
    async def take(request: Request) -> Response:
        visitor = console.visitor(request)
        form = await read_form(request)
        if not form.get("answer"):
            read_answer("")  # before all else: a cookie alone gets the same answer everywhere
        console.gate.require_form(request, visitor, form)
        envelope = signed(act.kind, visitor, form)
        subject = from_envelope(envelope).subject
        require_part(console, visitor, act, subject)
        if act.kind == PROPOSE:
            transfer, new = await propose(console.service, envelope)
            visitor.notice = "Proposed." if new else "It was proposed before: this is the same transfer."
            return RedirectResponse(f"{PATH}/transfers/{transfer.id}", 303)
        attachment = parse(form["attachment"].encode()) if form.get("attachment") else None
        done = await console.service.submit(envelope, attachment)
        visitor.notice = _said(act, done)
        return RedirectResponse(PATH + _back(act, subject), 303)

    return take


def _said(act: Act, done: Submission) -> str:
    if done.status != "logged":
        return f"Signed, and kept until others have signed too: {done.lacking}."
    return f"{act.done}." if done.entry is None else f"{act.done}: log entry {done.entry}."


def _back(act: Act, subject: dict[str, Any]) -> str:
    transfer = subject.get("transfer")
    return act.back.replace("{transfer}", transfer if isinstance(transfer, str) else "")
