"""A coordinator with receivers of notices that are real servers on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from strongroom.coordinator.notices.carriers import open_post
from strongroom.coordinator.notices.notice import Event
from strongroom.coordinator.notices.receivers import Receiver
from tests.unit.coordinator.doubles import Coordinator
from tests.unit.coordinator.notices.receiving import Hook, Mailbox
from tests.workspace import Workspace

Make = Callable[..., Coordinator]


@pytest.fixture
def desk() -> Workspace:
    return Workspace().ready()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    made = await Hook().start()
    yield made
    await made.stop()


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    made = await Mailbox().start()
    yield made
    await made.stop()


@pytest.fixture
async def make(tmp_path: Path, desk: Workspace) -> AsyncIterator[Make]:
    """Coordinators with these receivers."""
    made: list[Coordinator] = []

    def build(*receivers: Receiver) -> Coordinator:
        made.append(Coordinator(tmp_path, desk, post=lambda: open_post(tmp_path, receivers)))
        return made[-1]

    yield build
    for each in made:
        await each.close()


def by_hook(hook: Hook, *events: Event, person: str | None = None, name: str = "desk") -> Receiver:
    """A receiver of these events, or of all."""
    return Receiver(name, frozenset(events or Event), person, webhook=hook.url)
