"""The two ways that notices go out: webhooks signed by the Standard Webhooks scheme, and apprise channels."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import httpx

from strongroom.coordinator.notices.receivers import Receiver
from strongroom.documents.credentials import Credential, SigningKey
from strongroom.documents.keyfile import save_key
from strongroom.errors import Unreachable
from strongroom.store.outbox import Parcel

if TYPE_CHECKING:
    from apprise import Apprise

LIMIT_SECONDS: Final = 15.0
TITLE: Final = "Strongroom"


class Carrier(Protocol):
    """Brings parcels to one receiver."""

    async def deliver(self, parcel: Parcel) -> None:
        """Returns once the receiver has it; raises Unreachable notice.*."""
        ...

    async def close(self) -> None:
        """Let go of connections and threads."""
        ...


@dataclass(frozen=True, slots=True)
class Post:
    """The carriers by receiver, and the key under which webhooks are signed."""

    key: Credential | None = None
    carriers: Mapping[Receiver, Carrier] = field(default_factory=dict)


def open_post(home: Path, receivers: tuple[Receiver, ...]) -> Post:
    """A carrier for each receiver; the notice key is made with the first webhook. Raises InvalidInput credential.*."""
    key: SigningKey | None = None
    if any(receiver.webhook for receiver in receivers):
        path = home / "notice.key"
        if not path.exists():
            save_key(SigningKey.generate(), path)
        key = SigningKey.load(path)
    carriers: dict[Receiver, Carrier] = {}
    for receiver in receivers:
        carriers[receiver] = Webhook(receiver.webhook, key) if receiver.webhook and key else Channel(receiver.apprise)
    return Post(key.credential if key else None, carriers)


class Webhook:
    """Posts to one address, signed anew for each attempt; no redirects, no proxies."""

    def __init__(self, url: str, key: SigningKey, clock: Callable[[], float] = time.time) -> None:
        self._url, self._key, self._clock = url, key, clock
        self._client = httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=LIMIT_SECONDS)

    async def deliver(self, parcel: Parcel) -> None:
        """Anything but a 2xx within the limit is a failure; raises Unreachable notice.unreachable, notice.status."""
        body, stamp = parcel.document.encode(), str(int(self._clock()))
        signed = self._key.sign(b".".join((parcel.notice.encode(), stamp.encode(), body)))
        headers = {
            "content-type": "application/json",
            "webhook-id": parcel.notice,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1a," + base64.b64encode(signed).decode(),
        }
        try:
            async with asyncio.timeout(LIMIT_SECONDS), self._client.stream(
                "POST", self._url, content=body, headers=headers
            ) as answer:  # fmt: skip
                status = answer.status_code  # the rest of the answer is nobody's business
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Unreachable("notice.unreachable", f"the webhook does not answer ({type(error).__name__})") from None
        if not 200 <= status < 300:
            raise Unreachable("notice.status", f"the webhook answers {status}")

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


class Channel:
    """One apprise address: its library blocks, so it has a thread of its own, and one notice at a time."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="notices")
        self._running: Future[bool] | None = None
        self._service: Apprise | None = None

    async def deliver(self, parcel: Parcel) -> None:
        """Raises Unreachable notice.channel when the service refuses it, notice.unreachable after the limit."""
        if self._running is not None and not self._running.done():
            raise Unreachable("notice.unreachable", "the channel still tries the notice before")
        self._running = self._pool.submit(self._send, json.loads(parcel.document)["data"]["text"])
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                sent = await asyncio.shield(asyncio.wrap_future(self._running))
        except TimeoutError:
            raise Unreachable("notice.unreachable", "the channel does not answer") from None
        except Exception as error:  # whatever a plugin raises; its text may hold the address
            raise Unreachable("notice.channel", f"the channel fails ({type(error).__name__})") from None
        if not sent:
            raise Unreachable("notice.channel", "the channel does not take it, or its address is not understood")

    def _send(self, text: str) -> bool:
        from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode

        if self._service is None:
            logging.getLogger("apprise").disabled = True  # its lines quote addresses
            asset = AppriseAsset(
                app_id=TITLE, app_desc=TITLE, app_url="", http_redirects=False, pgp_autogen=False, pem_autogen=False,
                storage_mode=PersistentStoreMode.MEMORY,
            )  # fmt: skip
            self._service = Apprise(asset=asset)
            self._service.add(self._address)
        return bool(
            self._service.notify(
                body=text, title=TITLE, notify_type=NotifyType.INFO, body_format=NotifyFormat.TEXT,
                interpret_escapes=False,
            )
        )  # fmt: skip

    async def close(self) -> None:
        """Start nothing more; what a plugin does now ends with the process."""
        self._pool.shutdown(wait=False, cancel_futures=True)
