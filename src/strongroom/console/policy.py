"""The policy in words, what is proposed, and the way from a draft to a signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from strongroom.console.console import Console
from strongroom.console.sessions import Session
from strongroom.console.sign import require_part, signing
from strongroom.custody.holdings import house_of
from strongroom.documents.canonical import encode, parse_loose
from strongroom.errors import InvalidInput
from strongroom.pages.acts import ACTS, link
from strongroom.pages.forms import need, read_form, read_query
from strongroom.pages.rows import rows
from strongroom.policy.chapters import TITLES, chapters
from strongroom.policy.check import check
from strongroom.policy.compare import tightens
from strongroom.policy.difference import difference, obstacles
from strongroom.policy.loader import load_policy
from strongroom.policy.membership import next_version, with_key
from strongroom.policy.words import Doc, phrases, terms


def routes(console: Console) -> list[Route]:
    """The policy in force, a draft's check, and a newcomer's key in a draft."""

    async def page(request: Request) -> Response:
        visitor = console.visitor(request)
        proposal = console.state.proposal
        return console.page(
            "policy.html", "policy", visitor, policy=console.policy, chapters=chapters(console.policy.document)[:-1],
            rules=rules(console.policy.document), proposal=proposal,
            changes=difference(console.policy.document, proposal.policy.document) if proposal else [],
            titles=TITLES,
            waiting=[row for row in console.service.collected() if row.kind == "policy.propose"], link=link,
            administrator=ACTS["policy.propose"].part(console.state, visitor.person, {}),
        )  # fmt: skip

    async def draft(request: Request) -> Response:
        visitor, given = console.visitor(request), read_query(request)
        require_part(console, visitor, ACTS["policy.propose"], {})
        document: Mapping[str, Any] = console.policy.document
        if "enrolment" in given:
            found = console.enrolments.find(given["enrolment"]).enrolment
            return _checked(console, visitor, with_key(next_version(document), found.person, found.credential))
        if "subject" in given:
            return _checked(console, visitor, attached(console, ACTS["policy.propose"].subject(given)))
        draft = next_version(document)
        text = json.dumps(draft, indent=2, ensure_ascii=False)
        return console.page("draft.html", "policy", visitor, text=text, new=draft["version"])

    async def checked(request: Request) -> Response:
        visitor = console.visitor(request)
        form = await read_form(request)
        console.gate.require_form(request, visitor, form)
        require_part(console, visitor, ACTS["policy.propose"], {})
        return _checked(console, visitor, parse_loose(need(form, "draft").encode()))

    return [
        Route("/policy", page),
        Route("/policy/draft", draft, methods=["GET"]),
        Route("/policy/draft", checked, methods=["POST"]),
    ]


def _checked(console: Console, visitor: Session, document: dict[str, Any]) -> Response:
    """A draft that the log would take, against what is in force; ready to be signed. Raises InvalidInput policy.*."""
    new, old = load_policy(document), console.policy
    for obstacle in obstacles(old.document, document, console.clock()):
        raise InvalidInput("policy.version", obstacle)
    act, subject = ACTS["policy.propose"], {"policy": new.digest, "version": new.version}
    box = signing(console, visitor, act, subject, encode(document).decode())
    return console.page(
        "drafted.html", "policy", visitor, new=new, act=act, signing=box, titles=TITLES,
        changes=difference(old.document, document), findings=check(new, console.clock(), house_of(console.state)),
        tightens=tightens(old, new), adoptable=console.clock() + old.cool_down * 1000,
        rows=rows(console.state, act.kind, subject, console.clock()), back="/policy",
    )  # fmt: skip


def attached(console: Console, subject: Mapping[str, Any]) -> dict[str, Any]:
    """The policy beside the statements that wait for others; raises InvalidInput policy.attachment."""
    for waiting in console.service.collected():
        if waiting.kind == "policy.propose" and dict(waiting.subject) == subject and waiting.attachment:
            return dict(waiting.attachment)
    raise InvalidInput("policy.attachment", "nobody has handed in that policy", "hand in the draft itself")


def rules(document: Doc) -> list[dict[str, Any]]:
    """The ordered rules: name, what must hold, and what then is demanded or why it is denied."""
    assets, valuation = document["assets"], document.get("valuation")
    return [
        {
            "name": rule["name"],
            "when": phrases(rule["when"], assets, valuation),
            "then": terms(rule["allow"], rule["when"], assets) if "allow" in rule else [rule["deny"]],
            "denies": "deny" in rule,
        }
        for rule in document["rules"]
    ]
