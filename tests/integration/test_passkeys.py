"""Passkeys as Chromium makes and uses them: what it registers is taken; what it says of frames and people counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page

from strongroom.documents.credentials import Credential, Surface
from strongroom.documents.passkey import challenge_of
from strongroom.errors import Refused
from strongroom.passkeys.assertion import assertion_options, chosen, evidence_of
from strongroom.passkeys.registration import credential_of, registration_options
from strongroom.passkeys.script import passkeys_js
from tests.browser import Visitor, chromium

MESSAGE = b"what is signed"
PAGE = b'<!doctype html><title>passkeys</title><link rel="icon" href="data:,">'


class Site(BaseHTTPRequestHandler):
    """The script, an empty page, and a page that holds the empty one of localhost in a frame."""

    def do_GET(self) -> None:
        if self.path == "/passkeys.js":
            return self._say("text/javascript", passkeys_js())
        if self.path == "/frame":
            source = f"http://localhost:{self.server.server_port}/".encode()  # type: ignore[attr-defined]
            return self._say("text/html", PAGE + b'<iframe allow="publickey-credentials-get *" src="%s">' % source)
        return self._say("text/html", PAGE)

    def _say(self, kind: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def visitor(browser: Browser, port: int) -> Iterator[Visitor]:
    found = Visitor(browser)
    found.page.goto(f"http://localhost:{port}/")
    yield found
    found.close()


def called(page: Page | Frame, function: str, options: dict[str, Any]) -> Any:
    """The script's answer in the page."""
    code = f'async (options) => (await import("/passkeys.js")).{function}(options)'
    return page.evaluate(code, options)


def registered(visitor: Visitor, port: int, *known: Credential) -> Credential:
    answer = called(visitor.page, "register", registration_options("alice", "localhost", known))
    return credential_of(answer, f"http://localhost:{port}", "localhost", Surface.APPROVER)


def signed(page: Page | Frame, credential: Credential) -> bytes:
    answer = called(page, "assertion", assertion_options(challenge_of(MESSAGE), [credential]))
    assert chosen(answer, [credential]) == credential
    return evidence_of(answer)


def test_what_a_browser_registers_signs_for_its_person(visitor: Visitor, port: int) -> None:
    credential = registered(visitor, port)
    assert credential.device_bound and credential.surface is Surface.APPROVER
    credential.verify(MESSAGE, signed(visitor.page, credential))
    with pytest.raises(Refused, match=r"webauthn\.challenge"):
        credential.verify(b"another", signed(visitor.page, credential))
    assert not visitor.complaints


def test_an_authenticator_holds_one_passkey_of_a_person_and_the_page_says_so(visitor: Visitor, port: int) -> None:
    credential = registered(visitor, port)
    with pytest.raises(Exception, match="holds a passkey of this person already"):
        registered(visitor, port, credential)


def test_without_its_person_an_assertion_counts_for_nothing(visitor: Visitor, port: int) -> None:
    credential = registered(visitor, port)
    visitor.passkey.leave_out_verification()
    with pytest.raises(Refused, match=r"webauthn\.user_not_verified"):
        credential.verify(MESSAGE, signed(visitor.page, credential))
    visitor.passkey.verifies(False)
    with pytest.raises(Exception, match="The authenticator was not used"):
        signed(visitor.page, credential)


def test_a_frame_of_another_page_and_another_port_count_for_nothing(visitor: Visitor, port: int) -> None:
    credential = registered(visitor, port)
    visitor.page.goto(f"http://127.0.0.1:{port}/frame")
    frame = visitor.page.frames[1]
    frame.wait_for_load_state()
    with pytest.raises(Refused, match=r"webauthn\.cross_origin"):
        credential.verify(MESSAGE, signed(frame, credential))
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as other:
        threading.Thread(target=partial(other.serve_forever, 0.05), daemon=True).start()
        visitor.page.goto(f"http://localhost:{other.server_port}/")
        with pytest.raises(Refused, match=r"webauthn\.origin"):
            credential.verify(MESSAGE, signed(visitor.page, credential))
        other.shutdown()
