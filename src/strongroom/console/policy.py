"""The policy in words, what is proposed, and the way from a draft to a signature."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from strongroom.console import describe
from strongroom.console.console import Console
from strongroom.console.sessions import Session
from strongroom.console.sign import require_part, signing
from strongroom.documents.canonical import encode, parse_loose
from strongroom.errors import InvalidInput
from strongroom.pages.acts import ACTS, link
from strongroom.pages.forms import need, read_form, read_query
from strongroom.passkeys.enrolment import Enrolment
from strongroom.policy.chapters import chapters
from strongroom.policy.compare import tightens
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy
from strongroom.policy.words import Doc, phrases, terms


def routes(console: Console) -> list[Route]:
    """The policy in force, a draft's check, and a newcomer's key in a draft."""

    async def page(request: Request) -> Response:
        visitor = console.visitor(request)
        proposal = console.state.proposal
        return console.page(
            "policy.html", "policy", visitor, policy=console.policy, chapters=chapters(console.policy.document)[:-1],
            rules=rules(console.policy.document), proposal=proposal,
            changes=changes(console.policy, proposal.policy) if proposal else [],
            waiting=[row for row in console.service.collected() if row.kind == "policy.propose"], link=link,
            administrator=ACTS["policy.propose"].part(console.state, visitor.person, {}),
        )  # fmt: skip

    async def draft(request: Request) -> Response:
        visitor, given = console.visitor(request), read_query(request)
        require_part(console, visitor, ACTS["policy.propose"], {})
        document: Mapping[str, Any] = console.policy.document
        if "enrolment" in given:
            document = with_credential(console.policy, console.enrolments.find(given["enrolment"]).enrolment)
            return _checked(console, visitor, dict(document))
        if "subject" in given:
            return _checked(console, visitor, attached(console, ACTS["policy.propose"].subject(given)))
        return console.page("draft.html", "policy", visitor, text="", version=console.policy.version + 1)

    async def check(request: Request) -> Response:
        visitor = console.visitor(request)
        form = await read_form(request)
        console.gate.require_form(request, visitor, form)
        require_part(console, visitor, ACTS["policy.propose"], {})
        return _checked(console, visitor, parse_loose(need(form, "draft").encode()))

    return [
        Route("/policy", page),
        Route("/policy/draft", draft, methods=["GET"]),
        Route("/policy/draft", check, methods=["POST"]),
    ]


def _checked(console: Console, visitor: Session, document: dict[str, Any]) -> Response:
    """A draft that the log would take, against what is in force; ready to be signed. Raises InvalidInput policy.*."""
    new, old = load_policy(document), console.policy
    if new.version != old.version + 1:
        raise InvalidInput("policy.version", f"the next policy has version {old.version + 1}, not {new.version}")
    act, subject = ACTS["policy.propose"], {"policy": new.digest, "version": new.version}
    box = signing(console, visitor, act, subject, encode(document).decode())
    return console.page(
        "drafted.html", "policy", visitor, new=new, act=act, signing=box, changes=changes(old, new),
        tightens=tightens(old, new), adoptable=console.clock() + old.cool_down * 1000,
        rows=describe.rows(console, act, subject), back="/policy",
    )  # fmt: skip


def attached(console: Console, subject: Mapping[str, Any]) -> dict[str, Any]:
    """The policy beside the statements that wait for others; raises InvalidInput policy.attachment."""
    for waiting in console.service.collected():
        if waiting.kind == "policy.propose" and dict(waiting.subject) == subject and waiting.attachment:
            return dict(waiting.attachment)
    raise InvalidInput("policy.attachment", "nobody has handed in that policy", "hand in the draft itself")


def with_credential(policy: Policy, enrolment: Enrolment) -> dict[str, Any]:
    """The next version of the policy, in which a person holds one more key; a new person is in no group yet."""
    document: dict[str, Any] = copy.deepcopy(dict(policy.document))
    member = document["people"].setdefault(enrolment.person, {"role": "person", "keys": []})
    member["keys"] = [*member["keys"], enrolment.credential.to_doc()]
    return {**document, "fold": 2, "version": policy.version + 1}


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


def changes(old: Policy, new: Policy) -> list[dict[str, str]]:
    """The lines of the policy in words that come, go or stay beside those, by chapter."""
    before, after = dict(chapters(old.document)), dict(chapters(new.document))
    found = []
    for title in dict.fromkeys((*before, *after)):
        lines = difflib.ndiff(before.get(title, []), after.get(title, []))
        rows = [{"tone": {"+": "new", "-": "gone"}[line[0]], "text": line[2:]} for line in lines if line[0] in "+-"]
        found += [{"tone": "title", "text": title}, *rows] if rows else []
    return found
