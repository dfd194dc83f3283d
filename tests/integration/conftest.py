"""Real components for the integration tests: a development chain, and a client connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from strongroom.documents.names import ChainId
from strongroom.nodes.evm import EvmNode
from tests.integration.anvil import Anvil, compile_contracts

CHAIN = ChainId("eip155:31337")


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    """A chain that mines each transaction at once."""
    with Anvil() as chain:
        yield chain


@pytest.fixture
def quiet_anvil() -> Iterator[Anvil]:
    """A chain that mines only when it is told to (evm_mine), so that transactions stay in the pool."""
    with Anvil("--no-mining") as chain:
        yield chain


@pytest.fixture
async def node(anvil: Anvil) -> AsyncIterator[EvmNode]:
    async with EvmNode(anvil.url) as client:
        await client.connect(CHAIN)
        yield client


@pytest.fixture
async def quiet_node(quiet_anvil: Anvil) -> AsyncIterator[EvmNode]:
    async with EvmNode(quiet_anvil.url) as client:
        await client.connect(CHAIN)
        yield client


@pytest.fixture(scope="session")
def contracts() -> None:
    """The test contracts, compiled once."""
    compile_contracts()
