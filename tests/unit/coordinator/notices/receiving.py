"""Receivers of notices as they are: an HTTP server and an SMTP server on this machine."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from strongroom.documents.credentials import Credential


@dataclass
class Hook:
    """A webhook's server; it answers `status` and keeps what it was sent, headers and body, whatever it answers."""

    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def start(self) -> Hook:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/hook?token=s3cret"
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        moved = {"location": self.url} if 300 <= self.status < 400 else {}
        return web.Response(status=self.status, headers=moved)

    def taken(self) -> list[dict[str, Any]]:
        """What was sent, each notice once, in the order in which it first came."""
        return [json.loads(body) for body in {h["webhook-id"]: body for h, body in self.got}.values()]

    def events(self) -> list[str]:
        return [doc["type"] for doc in self.taken()]


def verify(key: Credential, headers: dict[str, str], body: bytes) -> None:
    """As a library of Standard Webhooks does, with `cryptography` alone; raises when it does not fit."""
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1a"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key.verify(signed, base64.b64decode(signature, validate=True))


class Mailbox:
    """An SMTP server that keeps the mails it gets, or (`refuses`) takes none."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuses = False

    async def start(self) -> Mailbox:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        to = "from=strongroom@lab.example&to=ops@lab.example"
        self.address = f"mailto://127.0.0.1:{port}?{to}&name=s3cret&mode=insecure"
        return self

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuses:
            return "451 later"
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 taken"

    def texts(self) -> list[str]:
        """The mails as people read them."""
        return [message_from_bytes(mail).as_string() for mail in self.mails]
