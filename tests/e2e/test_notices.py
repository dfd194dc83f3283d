"""Notices of a confined coordinator under its own user: kill -9 in between, and each arrives, in order, signed."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from strongroom.documents.credentials import Credential
from strongroom.lab.users import user_of, write_private
from tests.e2e.conftest import Lab
from tests.e2e.test_outages import payee
from tests.unit.coordinator.notices.receiving import verify


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


class Receivers:
    """A webhook's server and a mailbox, on ports that were given out before anything listens there."""

    def __init__(self) -> None:
        self.hook_port, self.mail_port = free_port(), free_port()
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 taken"

    @contextmanager
    def listening(self) -> Iterator[None]:
        posts = self.posts

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        hook = ThreadingHTTPServer(("127.0.0.1", self.hook_port), Hook)
        mail = Controller(self, hostname="127.0.0.1", port=self.mail_port)
        threading.Thread(target=hook.serve_forever, daemon=True).start()
        mail.start()
        try:
            yield
        finally:
            mail.stop()
            hook.shutdown()
            hook.server_close()


@pytest.fixture
def receivers(lab: Lab) -> Iterator[Receivers]:
    """Named in coordinator.toml for the length of a test, and not listening yet."""
    made, home = Receivers(), lab.layout.home("coordinator")
    before, user = (home / "coordinator.toml").read_text(), user_of("coordinator")
    to = "from=strongroom@lab.example&to=ops@lab.example&mode=insecure"
    write_private(home / "mail", f"mailto://127.0.0.1:{made.mail_port}?{to}\n", user)
    hook = f'[[notices]]\nname = "ledger"\nall = true\nwebhook = "http://127.0.0.1:{made.hook_port}/s3cret"\n'
    mail = '[[notices]]\nname = "ops"\nall = true\nevents = ["completed"]\napprise_file = "mail"\n'
    write_private(home / "coordinator.toml", f"{before}\n{hook}\n{mail}", user)
    restart(lab)
    yield made
    write_private(home / "coordinator.toml", before, user)
    restart(lab)


def restart(lab: Lab) -> None:
    lab.kill("coordinator")
    lab.start("coordinator")


def waiting(lab: Lab) -> list[str]:
    findings: list[str] = lab.actions.api.get("/v1/status")["findings"]
    return [line for line in findings if line.startswith("notices")]


def test_what_happened_while_nobody_listened_arrives_after_a_kill(lab: Lab, receivers: Receivers) -> None:
    sent = [lab.actions.send("ETH", 10**15, payee(), "e2e").id for _ in range(3)]
    assert any("'ledger'" in line for line in waiting(lab)), "it says who gets nothing"
    restart(lab)
    sent.append(lab.actions.send("ETH", 10**15, payee(), "e2e").id)
    restart(lab)
    with receivers.listening():
        wait_for(lambda: len({h["webhook-id"] for h, _ in receivers.posts}) >= 4 and len(receivers.mails) >= 4)
    key = Credential.from_doc({k: v for k, v in lab.actions.api.get("/v1/notices/key").items() if k != "webhook"})
    told: dict[str, dict[str, Any]] = {}
    for headers, body in receivers.posts:
        verify(key, headers, body)
        told.setdefault(headers["webhook-id"], json.loads(body))
    assert [(doc["type"], doc["data"]["transfer"]) for doc in told.values()] == [("completed", name) for name in sent]
    assert [name for mail in receivers.mails for name in sent if name[:12].encode() in mail] == sent
    said = Path(lab.layout.log("coordinator")).read_text()
    assert "notices for 'ledger' are tried again" in said and "s3cret" not in said
    assert said.rpartition("confined:")[2].count("Traceback") == 0


def wait_for(met: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "the notices do not arrive"
        time.sleep(0.1)
