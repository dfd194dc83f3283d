"""Sessions of people who have signed in: kept in memory alone, and good for nothing but reading."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from strongroom.errors import Denied, Refused

IDLE: Final = 15 * 60.0
LONGEST: Final = 8 * 3600.0
TO_SIGN_IN: Final = 5 * 60.0
"""Seconds: without a request, in all, and between a page that asks for a passkey and its answer."""

Seconds = Callable[[], float]
"""A clock that never goes back."""


@dataclass(slots=True)
class Session:
    """Who is signed in and by which key; `csrf` stands in each form, `notice` is what the next page says once."""

    person: str
    key: str
    begun: float
    used: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    notice: str = ""


class Sessions:
    """Sessions by the hash of their token (256 random bits), and the challenges by which they begin."""

    def __init__(self, clock: Seconds) -> None:
        self._clock, self._sessions = clock, dict[str, Session]()
        self._secret, self._spent = secrets.token_bytes(32), dict[str, float]()

    def challenge(self) -> str:
        """A nonce for one sign-in; it is not kept, so that nobody can fill the memory by asking."""
        nonce = f"{self._clock():.0f}.{secrets.token_hex(16)}"
        return f"{nonce}.{self._mac(nonce)}"

    def spend(self, challenge: str) -> None:
        """Take a nonce once, before its time is over; raises Refused session.challenge."""
        nonce, _, mac = challenge.rpartition(".")
        now = self._clock()
        self._spent = {text: end for text, end in self._spent.items() if end > now}
        ours = hmac.compare_digest(mac.encode(), self._mac(nonce).encode())
        if not ours or challenge in self._spent or now - float(nonce.partition(".")[0]) > TO_SIGN_IN:
            raise Refused("session.challenge", "this page is too old, or was used before", "load the page again")
        self._spent[challenge] = now + 2 * TO_SIGN_IN

    def begin(self, person: str, key: str) -> str:
        """A new session; its token, which nothing here can give out again."""
        token, now = secrets.token_urlsafe(32), self._clock()
        self._sessions = {name: each for name, each in self._sessions.items() if self._alive(each, now)}
        self._sessions[_name(token)] = Session(person, key, now, now)
        return token

    def find(self, token: str) -> Session:
        """The session of a token, used just now; raises Denied session.missing."""
        name, now = _name(token), self._clock()
        found = self._sessions.get(name)
        if found is None or not self._alive(found, now):
            self._sessions.pop(name, None)
            raise Denied("session.missing", "nobody is signed in here, or the session has ended", "sign in")
        found.used = now
        return found

    def end(self, token: str) -> None:
        """The token is worth nothing from here on."""
        self._sessions.pop(_name(token), None)

    def _alive(self, session: Session, now: float) -> bool:
        return now - session.used < IDLE and now - session.begun < LONGEST

    def _mac(self, nonce: str) -> str:
        return hmac.new(self._secret, nonce.encode(), "sha256").hexdigest()


def _name(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
