"""What the coordinator's cores are given from outside: clock, transport, chain nodes; a simulator gives its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from strongroom.chains.evm.transfer import Call
from strongroom.documents.names import ChainId
from strongroom.nodes.answers import Block, Receipt
from strongroom.wire.frame import Frame

Clock = Callable[[], int]
"""Unix milliseconds."""


def system_clock() -> int:
    """This machine's clock."""
    return time.time_ns() // 1_000_000


class Transport(Protocol):
    """Sends frames to nodes; what cannot be delivered is lost, and everything is asked for again."""

    def send(self, node: str, frame: Frame) -> None:
        """Hand over one frame without waiting."""
        ...


class ChainNode(Protocol):
    """What is asked of a node of an Ethereum-like chain; see nodes.evm.EvmNode."""

    async def connect(self, expected: ChainId) -> None: ...
    async def block(self, which: int | str) -> Block | None: ...
    async def block_number(self) -> int: ...
    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]: ...
    async def simulate(self, sender: str, call: Call) -> int: ...
    async def fees(self) -> tuple[int, int]: ...
    async def send_raw(self, raw: bytes) -> str: ...
    async def receipts(self, txids: Sequence[str]) -> list[Receipt | None]: ...
    async def close(self) -> None: ...
