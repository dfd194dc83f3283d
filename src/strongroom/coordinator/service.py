"""The coordinator as the surfaces see it: statements in, state and progress out."""

from __future__ import annotations

import asyncio
from typing import Any

from strongroom.coordinator import health
from strongroom.coordinator.answers import Activity, Gathered, Health, KeygenProgress, OrderProgress, Split, Submission
from strongroom.coordinator.awaiting import awaited
from strongroom.coordinator.ceremony import Ceremony
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.hall import Hall
from strongroom.coordinator.notices.board import Board
from strongroom.coordinator.orders import Orders
from strongroom.coordinator.ports import ChainNode
from strongroom.coordinator.reconcile import Reconciler
from strongroom.coordinator.repair import Repair
from strongroom.coordinator.sealing import Sealing
from strongroom.coordinator.statements import Statements
from strongroom.custody.state import CustodyState, Transfer, TransferId
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import ChainId
from strongroom.errors import Unreachable


class Pulse:
    """Tells everyone who waits that something has changed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        """Something has changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, timeout: float) -> None:
        """Returns at the next change, or after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return


class Service:
    """The facade; every decision is the fold's and the signers'."""

    def __init__(
        self, desk: Desk, statements: Statements, reconciler: Reconciler, ceremony: Ceremony, hall: Hall,
        pulse: Pulse, repair: Repair, orders: Orders, sealing: Sealing, board: Board,
    ) -> None:  # fmt: skip
        self._desk, self._statements, self._reconciler = desk, statements, reconciler
        self._ceremony, self._hall, self._pulse = ceremony, hall, pulse
        self._repair, self._orders, self._sealing, self._board = repair, orders, sealing, board

    @property
    def workspace(self) -> str:
        """The workspace id: the leaf hash of its first entry."""
        return self._desk.config.workspace

    @property
    def state(self) -> CustodyState:
        """The sequenced state; it may run ahead of the witnesses."""
        return self._desk.state

    @property
    def cosigned(self) -> CustodyState:
        """The state at the newest quorum-cosigned head."""
        return self._desk.cosigned

    @property
    def note(self) -> str:
        """That head as a C2SP note with its cosignatures; "" before the first."""
        return self._desk.sequencer.history.note

    async def submit(self, envelope: Envelope, attachment: dict[str, Any] | None = None) -> Submission:
        """Take a member's statement; returns once what came of it is durable. Raises InvalidInput, Denied, Refused."""
        return await self._statements.submit(envelope, attachment)

    def collected(self) -> tuple[Gathered, ...]:
        """What people have signed and others have yet to sign, oldest first."""
        return self._statements.collected()

    def entries(self, start: int, limit: int) -> list[bytes]:
        """Raw sequenced entries from index `start` on, at most `limit`."""
        history = self._desk.sequencer.history
        start = max(0, start)
        return history.raw(start, min(start + max(0, limit), history.state.size))

    def transfer(self, name: str) -> Transfer:
        """A transfer by its id, however long ago it ended; raises Refused."""
        return self._desk.archive.find(self.state, name)

    def activity(self, transfer: str) -> Activity:
        """What was done about a transfer and what it waits for."""
        desk, name = self._desk, TransferId(transfer)
        text, code = awaited(desk, name)
        txids = [row.txid for row in desk.records.signatures_of(transfer)]
        return Activity(
            events=tuple(desk.records.events(transfer)),
            refusals=tuple(desk.records.refusals(transfer)),
            txids=tuple(txids),
            confirmations=self._reconciler.confirmations.get(transfer),
            awaiting=text,
            awaiting_code=code,
        )

    def health(self) -> Health:
        """Nodes, chains, quorums, findings."""
        return health.health(self._desk, self._repair.split(), self._board.findings())

    def balances(self) -> dict[str, dict[str, int]]:
        """What the node last said each wallet holds, in base units by asset; wallets not asked yet are absent."""
        found: dict[str, dict[str, int]] = {}
        for wallet in self.state.wallets.values():
            chain = self._desk.chain_of(wallet)
            account = chain.accounts.get(wallet.address) if chain is not None else None
            if account is not None:
                found[wallet.name] = {str(asset): units for asset, units in account.balances.items() if units >= 0}
        return found

    def chain_node(self, chain: ChainId) -> ChainNode:
        """The node that this coordinator asks about a chain; raises Unreachable node.missing."""
        found = self._desk.chains.get(chain)
        if found is None:
            raise Unreachable("node.missing", f"this coordinator has no node of {chain}", "name one with --chain")
        return found.node

    def keygens(self) -> tuple[KeygenProgress, ...]:
        """The key generations ordered and the refreshes begun since the start, the last of each key."""
        return self._ceremony.progress()

    def split(self) -> Split:
        """The heads that the nodes hold, and whether the log needs a repair."""
        return self._repair.split()

    def seal(self) -> int:
        """Seal the state's digest into the log; the index of the entry."""
        return self._sealing.seal()

    def notice_key(self) -> Credential | None:
        """The key under which notices are signed for webhooks; None when there are none."""
        return self._board.key

    def orders(self) -> tuple[OrderProgress, ...]:
        """What administrators have ordered of the witnesses since the start."""
        return self._orders.progress()

    async def changed(self, timeout: float) -> None:
        """Returns when anything has changed, or after `timeout` seconds."""
        await self._pulse.wait(timeout)

    async def node_digests(self, timeout: float) -> dict[str, tuple[int, str]]:
        """Accepted size and state digest of every connected node that answers in time."""
        return await self._hall.digests(timeout)
