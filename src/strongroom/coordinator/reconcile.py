"""Reconciliation: for every open transfer look at its state and do the next step, whatever happened before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from strongroom.coordinator.desk import Desk
from strongroom.coordinator.replacement import Replacement
from strongroom.coordinator.rounds import No
from strongroom.coordinator.stages import broadcast, confirm, plan, sign
from strongroom.coordinator.stages.plan import Planner
from strongroom.coordinator.timeline import Wait
from strongroom.custody.state import Payload, Phase, Transfer, TransferId
from strongroom.custody.transfers import transfer_ended
from strongroom.errors import StrongroomError
from strongroom.log.entry import Entry
from strongroom.wire.handshake import COORDINATOR

ENDED: Final = (Phase.COMPLETED, Phase.FAILED, Phase.CLOSED)
FUNDS: Final = ("transfer.authorized", "transfer.replaced", "transfer.completed", "transfer.failed")
FIRST_PAUSE_MS: Final = 5_000
LONGEST_PAUSE_MS: Final = 600_000


class Reconciler:
    """One task for each open transfer; it sleeps until something that concerns it has changed."""

    def __init__(self, desk: Desk, planner: Planner) -> None:
        self._desk, self._planner = desk, planner
        self._replacement = Replacement(desk, planner)
        self._tasks: dict[TransferId, asyncio.Task[None]] = {}
        self._events: dict[TransferId, asyncio.Event] = {}
        self._sessions = asyncio.Semaphore(desk.config.signing_sessions)
        self._paused: dict[str, tuple[int, int]] = {}
        self.confirmations: dict[str, int] = {}
        sequencer = desk.sequencer
        sequencer.on_entry.append(self._on_entry)
        sequencer.on_cosigned.append(self._on_cosigned)
        sequencer.on_refused.append(self._on_refused)
        sequencer.on_cut.append(self._on_cut)
        for chain in desk.chains.values():
            chain.on_block.append(lambda _: self._on_block())

    def start(self) -> None:
        """Take up every open transfer, wherever it stood."""
        self._desk.funds.rebuild(self._desk.state)
        for wallet in self._desk.state.wallets.values():
            self._desk.watch(wallet)
        for name in self._desk.state.open:
            self._desk.records.load_transfer(name)
            self.wake(name)

    async def stop(self) -> None:
        """End all tasks; what they were doing is done again after the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self, name: TransferId) -> None:
        """Something that concerns this transfer has changed."""
        event = self._events.get(name)
        if event is not None:
            event.set()
        elif name in self._desk.state.open:
            self._events[name] = asyncio.Event()
            self._tasks[name] = asyncio.get_running_loop().create_task(self._drive(name))

    def wake_waiting(self, *codes: str) -> None:
        """Wake the transfers that wait for one of these codes, or all when none is named."""
        waits = self._desk.timeline.waits
        for name, event in self._events.items():
            wait = waits.get(name)
            if not codes or (wait is not None and wait.code in codes):
                event.set()

    def _on_entry(self, _index: int, entry: Entry) -> None:
        name = entry.body.get("transfer")
        if not isinstance(name, str):
            if entry.kind == "wallet.opened":
                self._desk.watch(self._desk.state.wallets[entry.body["name"]])
            return self.wake_waiting()
        transfer = self._desk.state.transfers.get(TransferId(name))
        if transfer is not None:
            if entry.kind in FUNDS:
                self._desk.funds.note(transfer)
            self.wake(transfer.id)
        return None

    def _on_cosigned(self) -> None:
        self.wake_waiting(sign.COSIGNING)

    def _on_block(self) -> None:
        self.wake_waiting(confirm.CODE, confirm.PENDING, "balance.insufficient", "node.unreachable", "fee.over_ceiling")

    def _on_cut(self) -> None:
        self._desk.funds.rebuild(self._desk.state)
        self.wake_waiting()

    def peers_changed(self) -> None:
        """A node came, went or started anew."""
        self.wake_waiting("quorum.unreachable")

    def _on_refused(self, entry: Entry, nos: Mapping[str, No]) -> None:
        name = entry.body.get("transfer")
        for by, no in nos.items():
            if isinstance(name, str):
                self._desk.timeline.refusal(name, by, entry.kind, no.code, no.message)
            else:
                self._desk.say(f"{entry.kind} refused by {by}: {no.code}")
        witnesses = [(by, no) for by, no in nos.items() if by != COORDINATOR]  # our own no: the log holds it already
        if isinstance(name, str) and witnesses and entry.kind in ("transfer.authorized", "transfer.replaced"):
            by, no = witnesses[0]
            pause = min(2 * self._paused.get(name, (0, FIRST_PAUSE_MS // 2))[1], LONGEST_PAUSE_MS)
            self._paused[name] = (self._desk.clock() + pause, pause)
            self._desk.timeline.wait(name, Wait(no.code, f"refused by {by}: {no.message}", pause / 1000))

    async def _drive(self, name: TransferId) -> None:
        desk, event = self._desk, self._events[name]
        try:
            while (transfer := desk.state.transfers.get(name)) is not None and transfer.phase not in ENDED:
                event.clear()
                wait = await self._careful_step(transfer)
                if wait is None:
                    continue
                if wait.code in plan.FINAL and transfer.authorization is None:
                    desk.timeline.wait(name, wait)
                    return
                desk.timeline.wait(name, wait)
                if wait.retry != 0.0:
                    try:
                        async with asyncio.timeout(wait.retry):
                            await event.wait()
                    except TimeoutError:
                        continue
            desk.timeline.wait(name, None)
            desk.records.forget_transfer(name)
        finally:
            self._events.pop(name, None)
            self._tasks.pop(name, None)
            self.confirmations.pop(name, None)

    async def _careful_step(self, transfer: Transfer) -> Wait | None:
        """A failed step is a wait, whatever failed: the next try starts from the state again."""
        until, _ = self._paused.get(transfer.id, (0, 0))
        left = until - self._desk.clock()
        if left > 0:
            return self._desk.timeline.waits.get(transfer.id) or Wait("transfer.paused", "a pause", left / 1000)
        try:
            return await self.step(transfer)
        except StrongroomError as error:
            return Wait.of(error, 2.0)
        except Exception as error:
            self._desk.say(f"transfer {transfer.id[:12]}: {type(error).__name__} in a step; it is tried again")
            return Wait("internal", f"an internal error ({type(error).__name__}); it is tried again", 5.0)

    async def step(self, transfer: Transfer) -> Wait | None:
        """Run the stages that are due; None when the state has moved on and is to be looked at again."""
        desk = self._desk
        if transfer.authorization is None:
            return await plan.step(desk, self._planner, transfer)
        if transfer.intent.message:
            return await self._message(transfer)
        payload = self._replacement.current(transfer)
        transfer = desk.state.transfers[transfer.id]
        wait = await self._signed(transfer, payload) or await broadcast.step(desk, transfer, payload)
        if wait is not None:
            return wait
        sign.log_signed(desk, desk.state.transfers[transfer.id], payload)
        wait = await confirm.step(desk, transfer, self.confirmations)
        if wait is not None and wait.code == confirm.PENDING and self._replacement.bump(transfer, payload):
            return None
        return wait

    async def _message(self, transfer: Transfer) -> Wait | None:
        """A message is signed, or it has ended: no chain hears of it."""
        desk, payload = self._desk, transfer.payloads[0]
        ended = transfer_ended(desk.state, transfer, desk.moment)
        if not ended or payload.digest in desk.records.signed:
            wait = await self._signed(transfer, payload)
            if wait is not None:
                return wait
            sign.log_signed(desk, desk.state.transfers[transfer.id], payload)
        confirm.settle(desk, transfer, payload.digest in desk.records.signed)
        return None

    async def _signed(self, transfer: Transfer, payload: Payload) -> Wait | None:
        """What hinders the payload's signature; None once it is there."""
        desk = self._desk
        if payload.digest not in desk.records.signed:
            async with self._sessions:
                wait = await sign.step(desk, transfer, payload)
            if wait is not None:
                if wait.code.startswith(("signature.", "session.timeout")):  # nodes' own refusals are kept already
                    desk.timeline.refusal(transfer.id, "signers", "sign", wait.code, wait.text)
                return wait
        return None
