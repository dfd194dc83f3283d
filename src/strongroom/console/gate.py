"""The gate of the console: which page a request comes from, and who sent it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from strongroom.console.sessions import LONGEST, Session, Sessions
from strongroom.custody.authority import credential_of
from strongroom.custody.state import CustodyState
from strongroom.errors import Denied, InvalidInput, Refused

PATH: Final = "/console"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where browsers find the console, such as `http://localhost:7700`: passkeys are bound to it."""

    text: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.text)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "localhost")
        try:
            port = parts.port
        except ValueError:
            port = -1
        host = parts.hostname or ""
        if not secure or self.text != f"{parts.scheme}://{host}{'' if port is None else f':{port}'}" or not host:
            remedy = "write it as https://treasury.example or http://localhost:7700"
            raise InvalidInput("console.origin", "that is no origin at which browsers offer passkeys", remedy)

    @property
    def host(self) -> str:
        """Host and port as a browser sends them; the host alone is the passkeys' relying party."""
        return urlsplit(self.text).netloc

    @property
    def rp_id(self) -> str:
        """The relying party: the host without its port."""
        return urlsplit(self.text).hostname or ""

    @property
    def secure(self) -> bool:
        """Whether it is reached by TLS."""
        return self.text.startswith("https:")

    @property
    def cookie(self) -> str:
        """The session's cookie; cookies know no ports, so on localhost its name does."""
        return "__Secure-strongroom" if self.secure else f"strongroom-{urlsplit(self.text).port or 80}"


class Gate:
    """Lets a request in as the person whose session it carries, or not at all."""

    def __init__(self, origin: Origin, sessions: Sessions) -> None:
        self.origin, self.sessions = origin, sessions

    def visitor(self, request: Request, state: CustodyState) -> Session:
        """Who asks; raises Denied session.missing, also once the key or the person no longer counts."""
        session = self.sessions.find(self._token(request))
        try:
            credential_of(state, session.person, session.key)
        except Refused:
            self.leave(request)
            raise Denied("session.missing", "the key of this session no longer counts", "sign in") from None
        return session

    def require_origin(self, request: Request) -> None:
        """Raise Denied request.origin unless the console's own page sent the form.

        Without a referrer a browser names no origin in a form that it posts, but it says of which site the page is.
        """
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        ours = origin == self.origin.text if origin not in (None, "null") else site is not None
        if not ours or site not in (None, "same-origin"):
            raise Denied("request.origin", "another page has sent this form", f"use the pages at {self.origin.text}")

    def require_form(self, request: Request, session: Session, form: Mapping[str, str]) -> None:
        """Raise Denied request.origin, session.csrf unless this session's own page sent the form."""
        self.require_origin(request)
        if not hmac.compare_digest(form.get("csrf", "").encode(), session.csrf.encode()):
            raise Denied("session.csrf", "the form is not of this session", "load the page again")

    def enter(self, response: Response, person: str, key: str) -> None:
        """Begin a session and give its token to the browser."""
        response.set_cookie(
            self.origin.cookie, self.sessions.begin(person, key), max_age=int(LONGEST), path=PATH,
            secure=self.origin.secure, httponly=True, samesite="strict",
        )  # fmt: skip

    def leave(self, request: Request) -> None:
        """End the session that a request carries."""
        self.sessions.end(self._token(request))

    def _token(self, request: Request) -> str:
        return request.cookies.get(self.origin.cookie, "")
