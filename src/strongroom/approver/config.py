"""approver.toml: what an approver's machine has beside its person's profile; a file that is not there says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.documents.canonical import fields
from strongroom.errors import InvalidInput
from strongroom.wire.listening import read_settings

FILE: Final = "approver.toml"
_SHAPE: Final = {"mirrors": list, "page": int, "max_age": int}


@dataclass(frozen=True, slots=True)
class Config:
    """`mirrors` are further addresses of the log, `page` the port on localhost, `max_age` s of what may be approved."""

    mirrors: tuple[str, ...] = ()
    page: int = 7710
    max_age: int = 120

    @property
    def origin(self) -> str:
        """Where the page is, as the browser says it: what a passkey that is used there is bound to."""
        return f"http://localhost:{self.page}"


def load_config(home: Path) -> Config:
    """Read approver.toml of a home; raises InvalidInput config.*, document.*."""
    if not (home / FILE).exists():
        return Config()
    doc = fields(read_settings(home / FILE), FILE, {}, _SHAPE)
    mirrors = doc.get("mirrors", [])
    if not all(isinstance(url, str) and url.startswith(("http://", "https://")) for url in mirrors):
        raise InvalidInput("config.mirror", "a mirror is the address of an API: http:// or https://")
    config = Config(**{**doc, "mirrors": tuple(mirrors)})
    if not 0 < config.page < 65536 or not 1 <= config.max_age <= 86_400:
        raise InvalidInput("config.range", "page is a port, max_age from 1 to 86400 seconds")
    return config
