"""A coordinator over doubles, with a key, a wallet and all nodes started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.coordinator.doubles import Coordinator
from tests.workspace import Workspace


@pytest.fixture
def desk() -> Workspace:
    """The people's side: their keys, and the log as they have seen it."""
    return Workspace().ready()


@pytest.fixture
async def coordinator(tmp_path: Path, desk: Workspace) -> AsyncIterator[Coordinator]:
    """Not started yet."""
    made = Coordinator(tmp_path, desk)
    yield made
    await made.close()
