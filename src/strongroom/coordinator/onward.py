"""Stops leave by the relays outside as well: each that the coordinator takes is handed on until the relay has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import statement_hash
from strongroom.errors import Refused
from strongroom.wire.delivery import delivered

PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, *(60.0,) * 60)
"""Seconds between attempts; after an hour the stop is long in the log, which every node reads."""

BUSY: Final = "request.too_many"
MOST: Final = 256  # stops on their way at once; people bring theirs to the relays themselves too

PassOn = Callable[[Envelope], None]
"""Takes a stop that the fold has accepted, and returns at once."""


class Onward:
    """Hands stops to relays (HOST:PORT each) on the running event loop; `nodes` are the keys of those who hold them."""

    def __init__(
        self, relays: Sequence[str], ca: Path | None, nodes: Callable[[], Mapping[str, Credential]],
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._relays, self._ca, self._nodes, self._say = relays, ca, nodes, say
        self._tasks: set[asyncio.Task[None]] = set()

    def pass_on(self, envelope: Envelope) -> None:
        """Begin to hand a stop to every relay."""
        for address in self._relays if len(self._tasks) < MOST else ():
            task = asyncio.get_running_loop().create_task(self._hand(address, envelope))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Leave what has not arrived to the people who brought it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hand(self, address: str, envelope: Envelope) -> None:
        name, failure = statement_hash(envelope)[:16], ""
        for pause in PAUSES:
            delivery = await delivered(address, self._ca, envelope, self._nodes())
            if delivery.error is None:
                who = ", ".join((*delivery.held, *delivery.unproven)) or "no node yet"
                return self._say(f"stop {name}: the relay {address} has it, held by {who}")
            failure = delivery.error.code
            if isinstance(delivery.error, Refused) and failure != BUSY:
                break
            await asyncio.sleep(pause)
        return self._say(f"stop {name}: not taken by the relay {address}: {failure}")
