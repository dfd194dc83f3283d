"""Where every seed begins: a workspace whose nodes have started, with a key and a wallet, on disks to copy."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert

from strongroom.documents.credentials import SigningKey
from strongroom.log.entry import Entry
from strongroom.log.tree import CompactRange
from strongroom.store.database import Database
from strongroom.store.lease import acquire
from strongroom.store.log import append
from strongroom.store.tables import NOTES
from tests.simulation.core import Core
from tests.unit.signer.fleet import Fleet
from tests.workspace import ETH, NODES, WEI, Workspace

SMALL: Final = WEI
"""The most that the service may send without anybody's approval."""

LIMIT: Final = 9 * WEI
"""What the wallet may send in a day: few transfers reach it."""

SERVICE_LIMIT: Final = 5 * WEI
DELAY: Final = 5
"""Seconds between the last approval and the earliest signature of a larger transfer."""

FEE_CEILING: Final = WEI // 100


@dataclass(frozen=True)
class Template:
    """The images of the nodes' disks and of the coordinator's database, and who the people are."""

    workspace: str
    time: int
    nodes: dict[str, bytes]
    database: bytes
    keys: dict[str, SigningKey]
    secret: bytes
    address: str
    entries: tuple[Entry, ...]


class _Nobody:
    def contributes(self, *parts: Any) -> None:
        """The first key is generated before anybody watches."""


def policy() -> dict[str, Any]:
    """The test policy with limits that a few transfers reach, and a short delay behind approvals."""
    document = Workspace().policy_document()
    document["limits"][0]["max"] = str(LIMIT)
    small, _, larger, _ = document["rules"]
    small["when"]["over_time"][0]["max"] = str(SERVICE_LIMIT)
    small["when"]["amount"]["max"] = str(SMALL)
    larger["allow"] = {**larger["allow"], "delay": DELAY}
    document["rules"] = [small, larger]
    return document


@cache
def template() -> Template:
    """Made once a process, by real nodes."""
    home = Workspace(policy=policy()).create()
    secret = home.account.secret
    fleet = Fleet(home, factory=lambda name: Core(secret, _Nobody())).ready()  # type: ignore[arg-type,return-value]
    wallet = home.state.wallets["hot-eth"]
    assert str(ETH).startswith(str(wallet.chain))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "strongroom.db"
        database = Database.open(f"sqlite:///{path}")
        append(database, acquire(database, "founding", "simulation", 0, 0), CompactRange(), home.entries)
        with database.transaction() as connection:
            connection.execute(insert(NOTES).values(size=home.state.size, note=fleet.note))
        database.close()
        image = path.read_bytes()
    return Template(
        fleet.id, fleet.now, {name: fleet.disks[name].serialize() for name in NODES}, image, home.keys, secret,
        wallet.address, tuple(home.entries),
    )  # fmt: skip
