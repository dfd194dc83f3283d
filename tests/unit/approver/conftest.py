"""A workspace with a transfer that waits for two people, a source of its log, and a machine that follows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.approver.replica import Replica
from strongroom.approver.shelf import Shelf
from strongroom.approver.sources import Follower
from strongroom.custody.state import TransferId
from tests.unit.approver.mirror import Mirror
from tests.workspace import WEI, Workspace


@pytest.fixture
def home() -> Workspace:
    return Workspace().ready()


@pytest.fixture
def asked(home: Workspace) -> TransferId:
    """Two ETH, which two of the treasury approve."""
    return home.propose("alice", amount=str(2 * WEI))


@pytest.fixture
def machine(home: Workspace, tmp_path: Path) -> Callable[..., Follower]:
    """A machine (always the same one, started anew) that follows sources."""
    return lambda *sources: Follower(Replica(home.state.workspace, Shelf(tmp_path)), sources)


@pytest.fixture
def mirror(home: Workspace) -> Mirror:
    return Mirror(home)
