"""coordinator.toml: where to listen, which chains through which nodes, how patient to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from strongroom.coordinator.notices.receivers import Receiver, load_receivers
from strongroom.documents.canonical import fields
from strongroom.documents.names import ChainId, parse_chain, parse_hash
from strongroom.errors import InvalidInput
from strongroom.wire.dialling import parse_relay
from strongroom.wire.listening import Tls, parse_listen, read_settings

_SHAPE: Final = {"workspace": str, "api": str, "relay": str}
_OPTIONS: Final = {
    "database": str,
    "tls": dict,
    "chains": dict,
    "notices": list,
    "poll_ms": int,
    "bump_seconds": int,
    "signing_sessions": int,
    "api_requests": int,
    "stop_relays": list,
    "stop_ca": str,
    "console": dict,
}


@dataclass(frozen=True, slots=True)
class Config:
    """The coordinator's settings; `console` is the origin at which people find its pages, "" for none.

    `stop_relays` (HOST:PORT) get every stop too, their certificates checked by the file `stop_ca`;
    `poll_ms` between looks at a chain, `bump_seconds` before a fee bump, `api_requests` a second of one client.
    """

    home: Path
    workspace: str
    api: tuple[str, int]
    relay: tuple[str, int]
    database: str
    chains: dict[ChainId, str] = field(default_factory=dict)
    tls: Tls | None = None
    notices: tuple[Receiver, ...] = ()
    poll_ms: int = 250
    bump_seconds: int = 60
    signing_sessions: int = 16
    api_requests: int = 500
    stop_relays: tuple[str, ...] = ()
    stop_ca: Path | None = None
    console: str = ""

    @property
    def database_file(self) -> Path | None:
        """The file of an SQLite database, None for another."""
        path = self.database.removeprefix("sqlite:///")
        return None if path == self.database else Path(path)


def load_config(home: Path) -> Config:
    """Read coordinator.toml; raises InvalidInput config.*, or listen.tls_required."""
    doc = fields(read_settings(home / "coordinator.toml"), "coordinator.toml", _SHAPE, _OPTIONS)
    tls = Tls.of(home, doc["tls"]) if "tls" in doc else None
    chains = {}
    for name, spec in doc.get("chains", {}).items():
        chains[parse_chain(name)] = fields(spec, f"chains.{name}", {"url": str})["url"]
    return Config(
        home=home,
        workspace=parse_hash(doc["workspace"]),
        api=parse_listen(doc["api"], tls),
        relay=parse_listen(doc["relay"], tls),
        database=doc.get("database", f"sqlite:///{home / 'strongroom.db'}"),
        chains=chains,
        tls=tls,
        stop_relays=tuple(map(_relay, doc.get("stop_relays", []))),
        stop_ca=home / doc["stop_ca"] if "stop_ca" in doc else None,
        notices=load_receivers(home, doc.get("notices", [])),
        console=fields(doc["console"], "console", {"origin": str})["origin"] if "console" in doc else "",
        **{name: _positive(name, doc[name]) for name in _OPTIONS if name in doc and _OPTIONS[name] is int},
    )


def _relay(address: object) -> str:
    parse_relay(address if isinstance(address, str) else "")
    return str(address)


def _positive(name: str, value: int) -> int:
    if not 1 <= value <= 1_000_000:
        raise InvalidInput("config.range", f"{name} is from 1 to 1000000")
    return value
