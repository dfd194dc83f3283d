"""A coordinator for tests of the surfaces: the real fold over a real log, without network, store or nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from strongroom.custody.authority import proposal_in
from strongroom.custody.digest import state_digest
from strongroom.custody.fold import HANDLERS, apply
from strongroom.custody.state import CustodyState, Transfer
from strongroom.custody.stops import STOP_STATEMENTS, transfer_of
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import proposal_hash
from strongroom.documents.statement import from_envelope
from strongroom.errors import Refused
from strongroom.log.checkpoint import Checkpoint, Note, cosign, origin_of
from strongroom.log.entry import Entry, new_entry
from strongroom.nodes.answers import Block
from tests.workspace import CHAIN, ETH, TOKEN, WEI, Workspace

ORDERED = ("log.repair", "signer.enrol", "signer.retire")
GRANTS = {
    "transfer.propose": "transfer.proposed",
    "transfer.approve": "transfer.approved",
    "workspace.unfreeze": "workspace.unfrozen",
    "policy.propose": "policy.proposed",
    "person.reinstate": "person.reinstated",
    "wallet.open": "wallet.opened",
    "address.list": "address.listed",
    "valuation.state": "valuation.stated",
    "transfer.screen": "transfer.screened",
}


@dataclass(frozen=True)
class Submission:
    kind: str
    status: str
    entry: int | None
    transfer: str | None
    lacking: str


@dataclass(frozen=True)
class Gathered:
    kind: str
    subject: Mapping[str, Any]
    people: tuple[str, ...]
    attachment: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Event:
    time: int
    stage: str
    text: str


@dataclass(frozen=True)
class Refusal:
    time: int
    by: str
    what: str
    code: str
    message: str


@dataclass(frozen=True)
class Activity:
    events: tuple[Event, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    txids: tuple[str, ...] = ()
    confirmations: int | None = None
    awaiting: str = ""
    awaiting_code: str = ""


@dataclass(frozen=True)
class NodeHealth:
    name: str
    duty: str
    connected: bool = True
    size: int = 0
    cosigned: int = 0
    skew_ms: int = 3
    rejoined: bool = True
    started: bool = True
    bans: int = 0


@dataclass(frozen=True)
class ChainHealth:
    chain: str
    reachable: bool = True
    block: int | None = 7
    error: str = ""


@dataclass(frozen=True)
class Health:
    nodes: tuple[NodeHealth, ...]
    chains: tuple[ChainHealth, ...] = (ChainHealth(CHAIN),)
    witnesses_have: int = 4
    witnesses_need: int = 3
    quorums: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrderProgress:
    kind: str = "log.repair"
    subject: Mapping[str, Any] = field(default_factory=lambda: {"number": 1})
    stage: str = "witnesses"
    have: int = 2
    need: int = 2
    stated: tuple[str, ...] = ("signer-1",)
    error: str = ""


@dataclass(frozen=True)
class Split:
    stuck: bool = False
    number: int = 1
    cosigned: int = 1
    heads: Mapping[tuple[int, int, str], list[str]] = field(default_factory=dict)
    again: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class KeygenProgress:
    name: str
    stage: str
    done: int
    total: int
    error: str = ""


class EmptyChain:
    """A node of a chain on which nobody has sent anything."""

    async def block(self, which: int | str) -> Block:
        return Block(5, "0x" + "55" * 32, "0x" + "44" * 32, 1_790_000_000_000, 1)

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return ["0x0" for _ in calls]


class Coordinator:
    """The service that `create_app` takes; `asked` are the envelopes that reached it."""

    def __init__(self, workspace: Workspace) -> None:
        self.log = workspace
        self.asked: list[Envelope] = []
        self.collected_by: dict[bytes, list[Envelope]] = {}
        self.attached: dict[str, dict[str, Any]] = {}
        self.told: dict[str, Activity] = {}
        self.progress: tuple[KeygenProgress, ...] = ()
        self.torn, self.ordered = Split(), tuple[OrderProgress, ...]()
        nodes = tuple(
            NodeHealth(name, node.duty.value)
            for name, node in (workspace.state.policy.nodes.items())  # type: ignore[union-attr]
        )
        self.notices: Credential | None = None
        self.well = Health(nodes, quorums=dict.fromkeys(workspace.state.keys, (3, 2)))
        self.change = asyncio.Event()

    @property
    def workspace(self) -> str:
        return self.log.state.workspace

    @property
    def state(self) -> CustodyState:
        return self.log.state

    @property
    def cosigned(self) -> CustodyState:
        return self.log.state

    @property
    def note(self) -> str:
        head = Checkpoint(origin_of(self.workspace), self.state.size, self.state.root)
        names = ("signer-1", "signer-2", "guardian-1")
        lines = tuple(cosign(head, self.log.keys[name], name, self.log.time // 1000) for name in names)
        return Note(head, lines).text()

    async def submit(self, envelope: Envelope, attachment: dict[str, Any] | None = None) -> Submission:
        self.asked.append(envelope)
        await asyncio.sleep(0)
        statement = proposal_in(self.state, envelope)
        if statement.kind in ORDERED:
            mine = {e.payload: e for e in self.asked if from_envelope(e).subject == statement.subject}
            stage = "logged" if len(mine) > 1 else "orders"
            self.ordered = (OrderProgress(statement.kind, statement.subject, stage, len(mine)),)
            return Submission(statement.kind, "collected", None, None, "1 more of the administrators")
        kind = STOP_STATEMENTS.get(statement.kind) or GRANTS.get(statement.kind)
        if kind is None:
            raise Refused("statement.wrong_kind", f"no entry comes of a {statement.kind}")
        transfer = proposal_hash(envelope) if kind == "transfer.proposed" else None
        body = {"transfer": transfer} if transfer else statement.subject
        if kind == "policy.proposed":
            body = {"policy": attachment}
        gathered = self.collected_by.setdefault(envelope.payload_type.encode() + repr(body).encode(), [])
        try:
            self.log.add(kind, body, [*gathered, envelope])
        except Refused as error:
            if error.code != "authority.threshold" or kind in ("workspace.frozen",):
                raise
            gathered.append(envelope)
            if attachment:
                self.attached[statement.kind] = attachment
            return Submission(statement.kind, "collected", None, None, error.message)
        gathered.clear()
        self.change.set()
        about = transfer or statement.subject.get("transfer")
        return Submission(statement.kind, "logged", self.state.size - 1, about, "")

    def collected(self) -> list[Gathered]:
        return [
            Gathered(s[0].kind, s[0].subject, tuple(each.person for each in s), self.attached.get(s[0].kind))
            for s in ([from_envelope(each) for each in waiting] for waiting in self.collected_by.values() if waiting)
        ]

    def balances(self) -> dict[str, dict[str, int]]:
        return {name: {ETH: 12 * WEI + WEI // 2, TOKEN: 250_000_000} for name in self.state.wallets}

    def entries(self, start: int, limit: int) -> list[bytes]:
        return [entry.raw for entry in self.log.entries[start : start + limit]]

    def chain_node(self, chain: str) -> EmptyChain:
        return EmptyChain()

    def transfer(self, name: str) -> Transfer:
        return transfer_of(self.state, name)

    def activity(self, transfer: str) -> Activity:
        return self.told.get(transfer, Activity())

    def health(self) -> Health:
        return self.well

    def notice_key(self) -> Credential | None:
        return self.notices

    def keygens(self) -> tuple[KeygenProgress, ...]:
        return self.progress

    def split(self) -> Split:
        return self.torn

    def orders(self) -> tuple[OrderProgress, ...]:
        return self.ordered

    def seal(self) -> int:
        self.log.add("state.sealed", {"digest": state_digest(self.state)})
        return self.state.size - 1

    async def changed(self, timeout: float) -> None:
        try:
            await asyncio.wait_for(self.change.wait(), timeout)
        except TimeoutError:
            return
        self.change.clear()

    async def node_digests(self, timeout: float) -> dict[str, tuple[int, str]]:
        return dict.fromkeys(("signer-1", "signer-2"), (self.state.size, "ab" * 32))

    def losing(self, *names: str) -> None:
        """These nodes are gone: the relay sees their connections closed."""
        nodes = tuple(replace(node, connected=node.connected and node.name not in names) for node in self.well.nodes)
        signers = sum(node.connected for node in nodes if node.duty == "signer")
        have = sum(node.connected for node in nodes)
        quorums = dict.fromkeys(self.state.keys, (signers, 2))
        self.well = replace(self.well, nodes=nodes, witnesses_have=have, quorums=quorums)


def appended(log: Workspace, kind: str, body: dict[str, Any], evidence: list[Envelope]) -> Entry:
    """An entry that the coordinator itself writes."""
    assert kind in HANDLERS
    entry = new_entry(kind, log.time, body, evidence)
    log.state = apply(log.state, entry)
    log.entries.append(entry)
    return entry
