"""A person with a passkey at the console's pages: reads their forms as a browser does, and signs what they ask."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import httpx
from webauthn.helpers import base64url_to_bytes

from tests.passkeys import SoftPasskey

ORIGIN = "http://localhost:8000"
COOKIE = "strongroom-8000"


class Forms(HTMLParser):
    """The forms of a page: where they go, what they hold, and what a passkey is asked to sign."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("action", ""), {}, json.loads(given.get("data-options", "{}"))))
        if tag == "input" and self.found:
            self.found[-1][1][given.get("name", "")] = given.get("value", "")

    def to(self, path: str) -> tuple[dict[str, str], dict[str, Any]]:
        """The fields and options of the form that goes to a path."""
        fields, options = next((fields, options) for action, fields, options in self.found if action == path)
        return dict(fields), options


class Person:
    """One browser of one person."""

    def __init__(self, app: Any, passkey: SoftPasskey) -> None:
        transport = httpx.ASGITransport(app)
        self.http = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN})
        self.passkey = passkey

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """A page of the console."""
        return await self.http.get(f"/console{path}", params=query or None)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """A form of the console."""
        return await self.http.post(f"/console{path}", data=fields, headers=headers)

    async def sign_in(self, **lies: Any) -> httpx.Response:
        """Sign in by the passkey."""
        fields, options = Forms((await self.get("/sign-in")).text).to("/console/sign-in")
        return await self.post("/sign-in", fields | {"answer": self.answer(options, **lies)})

    async def asked(self, kind: str, **query: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """The form that signs an act, and the options of its passkey."""
        page = await self.get(f"/acts/{kind}", **query)
        assert page.status_code == 200, page.text
        return Forms(page.text).to(f"/console/acts/{kind}")

    async def act(self, kind: str, **query: Any) -> httpx.Response:
        """Look at an act and sign it."""
        fields, options = await self.asked(kind, **query)
        return await self.post(f"/acts/{kind}", fields | {"answer": self.answer(options)})

    def answer(self, options: dict[str, Any], **lies: Any) -> str:
        """What the page's script puts into the form."""
        return json.dumps(self.passkey.assertion(base64url_to_bytes(options["challenge"]), **lies))
