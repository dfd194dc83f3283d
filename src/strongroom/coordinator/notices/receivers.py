"""The receivers of notices in coordinator.toml; addresses may hold secrets and are never shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from strongroom.coordinator.notices.notice import Event
from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_slug
from strongroom.errors import InvalidInput

_OPTIONS: Final = {"person": str, "all": bool, "events": list, "webhook": str, "apprise_file": str}
_MAX_ADDRESS: Final = 4096


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told of which events: one person's (`person`), or everybody's; by webhook, or over an apprise address."""

    name: str
    events: frozenset[Event]
    person: str | None = None
    webhook: str = field(default="", repr=False)
    apprise: str = field(default="", repr=False)


def load_receivers(home: Path, rows: Sequence[object]) -> tuple[Receiver, ...]:
    """The table `[[notices]]` of a configuration; raises InvalidInput notices.*, document.*, name.*."""
    found = tuple(_receiver(home, row) for row in rows)
    if len({receiver.name for receiver in found}) != len(found):
        raise InvalidInput("notices.name_twice", "two [[notices]] have the same name")
    return found


def _receiver(home: Path, row: object) -> Receiver:
    doc = fields(row, "notices", {"name": str}, _OPTIONS)
    name = parse_slug(doc["name"])
    if ("person" in doc) == bool(doc.get("all")):
        raise InvalidInput("notices.whose", f"notices '{name}' are of one person, or of all: person = … or all = true")
    if ("webhook" in doc) == ("apprise_file" in doc):
        raise InvalidInput("notices.address", f"notices '{name}' go to one address: webhook = … or apprise_file = …")
    return Receiver(
        name=name,
        events=_events(name, doc.get("events", list(Event))),
        person=parse_slug(doc["person"]) if "person" in doc else None,
        webhook=_webhook(name, doc["webhook"]) if "webhook" in doc else "",
        apprise=_secret(name, home / doc["apprise_file"]) if "apprise_file" in doc else "",
    )


def _events(name: str, listed: list[Any]) -> frozenset[Event]:
    try:
        events = frozenset(map(Event, listed))
    except ValueError:
        events = frozenset()
    if not events:
        raise InvalidInput("notices.event", f"the events of notices '{name}' are some of: {', '.join(Event)}")
    return events


def _webhook(name: str, url: str) -> str:
    """An https address, or http on this machine."""
    try:
        parts = urlsplit(url)
        host, scheme, _ = parts.hostname or "", parts.scheme, parts.port
    except ValueError:
        host, scheme = "", ""
    if not host or scheme not in ("http", "https"):
        raise InvalidInput("notices.webhook", f"the webhook of notices '{name}' is no https address")
    if scheme == "http" and not _loopback(host):
        raise InvalidInput("notices.https_required", f"the webhook of notices '{name}' leaves this machine without TLS")
    return url


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(owner: str, path: Path) -> str:
    """The one address in a file that only its owner may read."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status, text = os.fstat(file.fileno()), file.read(_MAX_ADDRESS + 1)
    except OSError as error:
        raise InvalidInput("notices.file", f"notices '{owner}': cannot read {path}: {error.strerror}") from None
    if status.st_mode & 0o077 or not stat.S_ISREG(status.st_mode):
        raise InvalidInput("notices.file_mode", f"others may read {path}", f"chmod 600 {path}")
    lines = [line.strip() for line in text.decode(errors="replace").splitlines()]
    addresses = [line for line in lines if line and not line.startswith("#")]
    if len(addresses) != 1 or len(text) > _MAX_ADDRESS:
        raise InvalidInput("notices.file", f"{path} holds one address; each further one has its own [[notices]]")
    return addresses[0]
