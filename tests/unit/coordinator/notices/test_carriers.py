"""What goes over the wire: signed posts without redirects, and channels that cannot hold anything up."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from strongroom.coordinator.notices import carriers
from strongroom.coordinator.notices.carriers import Channel, Webhook, open_post
from strongroom.coordinator.notices.notice import Event
from strongroom.coordinator.notices.receivers import Receiver
from strongroom.errors import Unreachable
from strongroom.store.outbox import Parcel
from tests.unit.coordinator.notices.receiving import Hook, Mailbox, verify
from tests.workspace import seeded

PARCEL = Parcel("desk", "msg_1", 0, json.dumps({"type": "frozen", "data": {"text": "5 <b>ETH</b>\nBcc: x@y"}}))


async def test_each_attempt_is_signed_with_its_own_time(hook: Hook) -> None:
    """The same id, so that a receiver counts it once; another time and signature."""
    now = iter((1_000.9, 2_000.0))
    webhook = Webhook(hook.url, seeded("notices"), lambda: next(now))
    await webhook.deliver(PARCEL)
    await webhook.deliver(PARCEL)
    await webhook.close()
    for headers, body in hook.got:
        verify(seeded("notices").credential, headers, body)
        assert body == PARCEL.document.encode() and headers["content-type"] == "application/json"
    assert [h["webhook-timestamp"] for h, _ in hook.got] == ["1000", "2000"]
    assert {h["webhook-id"] for h, _ in hook.got} == {"msg_1"}


async def test_the_guide_s_verifier_takes_it(hook: Hook) -> None:
    """As it stands in the guide; another body, key or time it refuses."""
    guide = Path(__file__).parents[4] / "docs" / "guides" / "notices.md"
    (code,) = re.findall(r"```python\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    given: dict[str, Any] = {}
    exec(code, given)
    webhook, key = Webhook(hook.url, seeded("notices")), seeded("notices").credential.public.hex()
    await webhook.deliver(PARCEL)
    await webhook.close()
    ((headers, body),) = hook.got
    given["verify"](key, headers, body)
    other = seeded("other").credential.public.hex()
    for lie in ((key, headers, body + b" "), (other, headers, body), (key, headers | {"webhook-timestamp": "9"}, body)):
        with pytest.raises((InvalidSignature, ValueError)):
            given["verify"](*lie)


async def test_a_webhook_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing, then one that is not there."""
    monkeypatch.setattr(carriers, "LIMIT_SECONDS", 0.2)
    silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    webhook = Webhook(f"http://127.0.0.1:{port}/s3cret", seeded("notices"))
    for _ in range(2):
        with pytest.raises(Unreachable, match=r"notice\.unreachable") as caught:
            await webhook.deliver(PARCEL)
        assert "s3cret" not in str(caught.value)
        silent.close()
    await webhook.close()


async def test_mail_is_plain_and_escaped(mailbox: Mailbox) -> None:
    """Markup is text, a line break in the text is no header."""
    channel = Channel(mailbox.address)
    await channel.deliver(PARCEL)
    await channel.close()
    (mail,) = mailbox.texts()
    assert "&lt;b&gt;ETH" in mail and "\nBcc:" not in mail.partition("\n\n")[0] and "Subject: Strongroom" in mail


async def test_a_channel_that_refuses_says_so_without_its_address(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox.refuses = True
    for address in (mailbox.address, "nonsense://s3cret", "s3cret"):
        channel = Channel(address)
        with pytest.raises(Unreachable, match=r"notice\.channel") as caught:
            await channel.deliver(PARCEL)
        assert "s3cret" not in str(caught.value)
        await channel.close()
    assert "s3cret" not in caplog.text


async def test_a_channel_that_hangs_has_one_thread_and_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first attempt still hangs, the next is refused at once: no thread waits behind it."""
    monkeypatch.setattr(carriers, "LIMIT_SECONDS", 0.5)
    hung = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung.wait()
        writer.close()

    silent = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    channel = Channel(f"mailto://127.0.0.1:{port}?from=a@b.example&to=c@d.example&mode=insecure&rto=60&cto=60")
    with pytest.raises(Unreachable, match="does not answer"):
        await channel.deliver(PARCEL)
    with pytest.raises(Unreachable, match="still tries"):
        await channel.deliver(PARCEL)
    hung.set()
    await channel.close()
    silent.close()


async def test_the_notice_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    """With the first webhook; a channel alone needs none."""
    hook, mail = (
        Receiver("a", frozenset(Event), webhook="https://x.example"),
        Receiver("b", frozenset(Event), apprise="x://"),
    )
    assert open_post(tmp_path, (mail,)).key is None and not (tmp_path / "notice.key").exists()
    first, again = open_post(tmp_path, (hook,)), open_post(tmp_path, (hook, mail))
    assert first.key is not None and first.key == again.key
    assert stat.S_IMODE((tmp_path / "notice.key").stat().st_mode) == 0o600
    for post in (first, again):
        for carrier in post.carriers.values():
            await carrier.close()
