"""Builds the coordinator from its outside parts, without sockets or processes: a simulator builds the same."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

from strongroom.coordinator.adoption import Adoption
from strongroom.coordinator.archive import Archive
from strongroom.coordinator.ceremony import Ceremony
from strongroom.coordinator.chain import Chain
from strongroom.coordinator.change import Change
from strongroom.coordinator.config import Config
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.funds import Funds
from strongroom.coordinator.hall import Hall
from strongroom.coordinator.history import History
from strongroom.coordinator.keygen import KeygenDriver
from strongroom.coordinator.notices.board import Board
from strongroom.coordinator.notices.carriers import Post
from strongroom.coordinator.onward import PassOn
from strongroom.coordinator.orders import Orders
from strongroom.coordinator.peers import Peers
from strongroom.coordinator.ports import ChainNode, Clock, Transport
from strongroom.coordinator.reconcile import Reconciler
from strongroom.coordinator.refresh import RefreshDriver
from strongroom.coordinator.repair import Repair
from strongroom.coordinator.sealing import Sealing
from strongroom.coordinator.sequencer import TICK_SECONDS, Sequencer
from strongroom.coordinator.service import Pulse, Service
from strongroom.coordinator.sessions import Sessions
from strongroom.coordinator.stages.plan import Planner
from strongroom.coordinator.statements import Statements
from strongroom.coordinator.timeline import Timeline
from strongroom.custody.fold import apply
from strongroom.custody.stops import STOPS
from strongroom.documents.credentials import SigningKey
from strongroom.documents.names import ChainId
from strongroom.errors import Refused, StrongroomError
from strongroom.log.entry import Entry
from strongroom.store.database import Database
from strongroom.store.journal import Journal
from strongroom.store.log import LogStore
from strongroom.store.outbox import Outbox
from strongroom.store.records import Records


class House:
    """All parts of one coordinator; `start` takes up the work where the store says that it stood."""

    def __init__(
        self,
        config: Config,
        database: Database,
        journal: Journal,
        transport: Transport,
        nodes: Mapping[ChainId, ChainNode],
        key: SigningKey,
        clock: Clock,
        say: Callable[[str], None],
        entropy: Callable[[int], bytes] = os.urandom,
        pass_on: PassOn = lambda stop: None,
        post: Post | None = None,
    ) -> None:
        self.config, self._clock, self._pass_on, self.pulse = config, clock, pass_on, Pulse()
        log = LogStore(database, journal)
        self.history = History(log, apply)
        peers, records = Peers(), Records(database, journal)
        archive = Archive(records)
        self.history.on_let_go = archive.take
        sequencer = Sequencer(self.history, log, peers, transport, clock, key)
        chains = {name: Chain(name, node, clock, config.poll_ms / 1000) for name, node in nodes.items()}
        timeline = Timeline(records, clock, self.pulse.beat)
        self.desk = Desk(
            config, clock, key, transport, peers, sequencer, Sessions(transport, entropy), records, timeline, Funds(),
            archive, chains, say,
        )  # fmt: skip
        self.board = Board(self.desk, Outbox(database, journal), post or Post(), clock)
        self.sealing = Sealing(sequencer)
        self.planner = Planner(self.desk)
        self.reconciler = Reconciler(self.desk, self.planner)
        self.ceremony = Ceremony(self.desk)
        self.keygen = KeygenDriver(self.desk, self.ceremony)
        self.refresh = RefreshDriver(self.desk, self.ceremony)
        self.adoption = Adoption(sequencer, transport, clock, say)
        repair, change = Repair(self.desk), Change(self.desk)
        self.orders = Orders(self.desk, {"log.repair": repair, "signer.enrol": change, "signer.retire": change})
        self.hall = Hall(self.desk, self.adoption, self.ceremony, repair, self.orders, self._peers_changed)
        statements = Statements(self.desk, self.planner, self.keygen, self.refresh, self.orders)
        self.service = Service(
            self.desk,
            statements,
            self.reconciler,
            self.ceremony,
            self.hall,
            self.pulse,
            repair,
            self.orders,
            self.sealing,
            self.board,
        )
        sequencer.on_cosigned.append(self._cosigned)
        sequencer.on_entry.append(self._appended)
        self._tasks: list[asyncio.Task[None]] = []
        self._asked: dict[str, int] = {}

    def load(self) -> None:
        """Fold the store; raises Refused workspace.missing or workspace.not_created_here."""
        self.history.load()
        if self.history.sealed.refused:
            self.desk.say(f"the whole log was folded: {self.history.sealed.refused}")
        state = self.history.state
        if not state.workspace:
            raise Refused("workspace.missing", "the store holds no workspace", "create one: strongroom workspace init")
        if state.workspace != self.config.workspace:
            raise Refused("workspace.not_created_here", "the store holds another workspace than coordinator.toml names")
        self.desk.peers.enrol(state.policy)

    async def start(self) -> None:
        """Begin to work; everything that was open goes on."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(chain.run()) for chain in self.desk.chains.values()]
        self._tasks.append(loop.create_task(self._tick()))
        self.board.start()
        self.reconciler.start()
        self.keygen.start()
        self.orders.start()

    async def stop(self) -> None:
        """End all work; what was durable stays, the rest is done again after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.reconciler.stop()
        await self.keygen.stop()
        await self.refresh.stop()
        await self.orders.stop()
        await self.board.stop()
        for chain in self.desk.chains.values():
            await chain.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.desk.sequencer.tick()
            self.adoption.tick()
            self.refresh.tick()
            self._adopt_policy()

    def _adopt_policy(self) -> None:
        """An open proposal whose cool-down has passed comes into force."""
        proposal = self.desk.state.proposal
        if proposal is not None and self.desk.sequencer.next_time() >= proposal.adoptable:
            try:
                self.desk.sequencer.submit("policy.adopted", {"version": proposal.policy.version})
            except StrongroomError as error:
                self.desk.say(f"policy version {proposal.policy.version} is not adopted: {error.code}")

    def _appended(self, _index: int, entry: Entry) -> None:
        """A stop leaves by the relays outside too, whoever brought it."""
        for stop in entry.evidence if entry.kind in STOPS else ():
            self._pass_on(stop)
        self.pulse.beat()

    def _cosigned(self) -> None:
        """After a round: who has just been logged as started says so only when asked."""
        for name, boot in self.desk.cosigned.boots.items():
            if name in self.desk.peers:
                peer = self.desk.peers[name]
                if peer.connected and not peer.boot and boot.index >= self._asked.get(name, 0):
                    self._asked[name] = boot.index + 1
                    self.desk.sequencer.ask_head(peer)
        self.pulse.beat()

    def _peers_changed(self) -> None:
        self.reconciler.peers_changed()
        self.pulse.beat()
