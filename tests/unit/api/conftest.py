"""A workspace that is ready, a coordinator over it, and a client that speaks to its API without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from strongroom.api.app import create_app
from tests.unit.api.coordinator import Coordinator
from tests.workspace import Workspace


@pytest.fixture(scope="session")
def ready() -> Workspace:
    return Workspace().ready()


@pytest.fixture
def coordinator(ready: Workspace) -> Coordinator:
    return Coordinator(ready.clone())


@pytest.fixture
async def client(coordinator: Coordinator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(coordinator, clock=lambda: coordinator.log.time))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as found:
        yield found
