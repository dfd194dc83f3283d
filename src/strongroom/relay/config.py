"""relay.toml, and the nodes that a relay of stops admits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strongroom.documents.canonical import fields, parse_loose
from strongroom.documents.credentials import Credential, plain_key
from strongroom.documents.names import parse_hash, parse_slug
from strongroom.errors import InvalidInput
from strongroom.wire.listening import Tls, parse_listen, read_settings

NODES: Final = "nodes"
"""The directory of the home with one file NAME.json for each node: its name and key, as `signer init` writes them."""


@dataclass(frozen=True, slots=True)
class Config:
    """A relay's settings."""

    home: Path
    workspace: str
    listen: tuple[str, int]
    tls: Tls | None

    def credentials(self) -> dict[str, Credential]:
        """The keys of the nodes that may dial, read anew: a node is admitted by its file. Raises InvalidInput."""
        found = {}
        for path in sorted((self.home / NODES).glob("*.json")):
            doc = parse_loose(path.read_bytes())
            if not isinstance(doc.get("name"), str):
                raise InvalidInput("config.node", f"{path} names no node")
            found[parse_slug(doc["name"])] = plain_key(doc.get("key"))
        return found


def load_config(home: Path) -> Config:
    """Read relay.toml; raises InvalidInput config.*, listen.*."""
    doc = fields(read_settings(home / "relay.toml"), "relay.toml", {"workspace": str, "listen": str}, {"tls": dict})
    tls = Tls.of(home, doc["tls"]) if "tls" in doc else None
    return Config(home, parse_hash(doc["workspace"]), parse_listen(doc["listen"], tls), tls)
