"""People's statements become entries; those that need a threshold are collected until the fold accepts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from strongroom.coordinator.answers import Gathered, Submission
from strongroom.coordinator.change import ENTRIES
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.keygen import KeygenDriver
from strongroom.coordinator.orders import Orders
from strongroom.coordinator.parts import part
from strongroom.coordinator.refresh import RefreshDriver
from strongroom.coordinator.stages.approve import approve, screen
from strongroom.coordinator.stages.plan import Planner
from strongroom.coordinator.stages.propose import propose
from strongroom.custody.authority import granting, in_force, proposal_in, stopping
from strongroom.custody.stops import STOP_STATEMENTS
from strongroom.custody.wallets import derived
from strongroom.documents.canonical import digest, encode, parse
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement, from_envelope, statement_hash
from strongroom.errors import Denied, InvalidInput, Refused, StrongroomError
from strongroom.policy.loader import load_policy
from strongroom.store.records import Collected
from strongroom.wire.frame import Frame
from strongroom.wire.handshake import COORDINATOR

COLLECTED: Final = {
    "policy.propose": "policy.proposed",
    "policy.withdraw": "policy.withdrawn",
    "wallet.open": "wallet.opened",
    "address.list": "address.listed",
    "valuation.state": "valuation.stated",
    "workspace.unfreeze": "workspace.unfrozen",
    "person.reinstate": "person.reinstated",
    "workspace.freeze": "workspace.frozen",
}
"""Statements of which an entry may need several; the others stand alone."""

ATTACHED: Final = ("policy.propose", *ENTRIES)
"""Statements that name a policy which comes beside them."""

MORE: Final = ("authority.threshold", "freeze.weekly")
"""What the fold says when further people could still complete the entry."""

MOST_COLLECTED: Final = 1000


class Statements:
    """The way in for every statement that is not a node's."""

    def __init__(
        self, desk: Desk, planner: Planner, keygen: KeygenDriver, refresh: RefreshDriver, orders: Orders
    ) -> None:
        self._desk, self._planner, self._keygen, self._refresh = desk, planner, keygen, refresh
        self._orders = orders

    async def submit(self, envelope: Envelope, attachment: dict[str, Any] | None) -> Submission:
        """Returns once the entry (or the collected statement) is durable; raises InvalidInput, Denied, Refused."""
        desk = self._desk
        statement = proposal_in(desk.state, envelope)
        kind = statement.kind
        if attachment is not None and kind not in ATTACHED:
            raise InvalidInput("statement.attachment", f"a {kind} statement has no attachment")
        transfer: str | None = None
        index: int | None
        if kind == "transfer.propose":
            transfer, index = await propose(desk, self._planner, envelope, statement)
        elif kind == "transfer.approve":
            transfer, index = approve(desk, envelope, statement)
        elif kind == "transfer.screen":
            transfer, index = screen(desk, envelope, statement)
        elif kind == "key.generate":
            return await self._keygen.order(envelope, statement)
        elif kind == "key.refresh":
            return await self._refresh.order(envelope, statement)
        elif kind in STOP_STATEMENTS and statement_hash(envelope) in desk.state.stops:
            transfer, index = statement.subject.get("transfer"), None  # a node was quicker
        elif kind in self._orders.kinds:
            return await self._orders.take(envelope, statement, attachment)
        elif kind in COLLECTED:
            return await self._collect(envelope, statement, attachment)
        elif kind in STOP_STATEMENTS:
            index = desk.sequencer.submit(STOP_STATEMENTS[kind], statement.subject, [envelope])
            self._stop(envelope)
            found = statement.subject.get("transfer")
            if isinstance(found, str):
                transfer = found
                desk.timeline.event(found, kind.rpartition(".")[2], f"by {statement.person}")
        else:
            raise InvalidInput("statement.unknown_kind", f"nobody submits statements of kind '{kind}' here")
        if index is not None:
            await desk.sequencer.durable(index)
        return Submission(kind, "logged", index, transfer, "")

    def _stop(self, envelope: Envelope) -> None:
        """Hand a stop that the fold has accepted to every node at once: it binds before it is logged."""
        for peer in self._desk.peers.connected():
            head = {"envelope": envelope.to_doc()}
            self._desk.transport.send(peer.name, Frame("stop", COORDINATOR, peer.name, head))

    async def _collect(self, envelope: Envelope, statement: Statement, attachment: dict[str, Any] | None) -> Submission:
        desk, kind = self._desk, statement.kind
        body = self._body(statement, attachment)
        verify = stopping if kind in STOP_STATEMENTS else _granting(desk.sequencer.next_time())
        verify(desk.state, envelope, kind)
        self._require_part(statement, body)
        if kind == "wallet.open":
            derived(desk.state, body)
        subject = digest(statement.subject)
        others = []
        for row in desk.records.collected(kind, subject):
            other = Envelope.from_doc(parse(row.envelope.encode(), max_bytes=1 << 20))
            try:
                verify(desk.state, other, kind)
                if statement_hash(other) in desk.state.stops:
                    raise Refused("statement.already_counted", "it was logged before")
            except StrongroomError:
                desk.records.drop_collected(kind, subject, row.person)  # expired, or its key is gone
                continue
            if row.person != statement.person:
                others.append(other)
        lacking: StrongroomError | None = None
        for evidence in ([envelope], [*others, envelope]):
            try:
                index = desk.sequencer.submit(COLLECTED[kind], body, evidence)
            except StrongroomError as error:
                if error.code not in MORE:
                    raise
                lacking = error
                continue
            desk.records.drop_collected(kind, subject)
            if kind in STOP_STATEMENTS:
                for each in evidence:
                    self._stop(each)
            await desk.sequencer.durable(index)
            return Submission(kind, "logged", index, None, "")
        if len(desk.records.collected()) >= MOST_COLLECTED:
            raise Refused("statement.too_many", "too many statements wait for others already")
        text = encode(envelope.to_doc()).decode()
        row = Collected(
            kind, subject, statement.person, desk.clock(), text, json.dumps(attachment) if attachment else ""
        )
        await desk.records.put_collected(row)
        return Submission(kind, "collected", None, None, lacking.message if lacking else "")

    def collected(self) -> tuple[Gathered, ...]:
        """What waits for further people, with who has signed so far; what became stale is told as well."""
        found: dict[tuple[str, str], Gathered] = {}
        for row in self._desk.records.collected():
            before = found.get((row.kind, row.subject))
            statement = from_envelope(Envelope.from_doc(parse(row.envelope.encode(), max_bytes=1 << 20)))
            people = (*(before.people if before else ()), row.person)
            attachment = json.loads(row.attachment) if row.attachment else (before.attachment if before else None)
            found[row.kind, row.subject] = Gathered(row.kind, statement.subject, people, attachment)
        return tuple(found.values())

    def _body(self, statement: Statement, attachment: dict[str, Any] | None) -> dict[str, Any]:
        """The entry's body: the subject, or for a policy the whole document that the subject names."""
        if statement.kind != "policy.propose":
            return statement.subject
        if attachment is None:
            for row in self._desk.records.collected(statement.kind, digest(statement.subject)):
                attachment = json.loads(row.attachment) if row.attachment else None
        if attachment is None:
            raise InvalidInput("policy.attachment", "a policy.propose statement comes with its policy document")
        policy = load_policy(attachment)
        if statement.subject != {"policy": policy.digest, "version": policy.version}:
            raise InvalidInput("policy.attachment", "the statement names another policy than the one attached")
        return {"policy": attachment}

    def _require_part(self, statement: Statement, body: dict[str, Any]) -> None:
        """Only who could help to reach the threshold is collected; raises Denied authority.threshold."""
        quorum = part(in_force(self._desk.state), statement.kind, body)
        if quorum is not None and statement.person not in quorum.members:
            raise Denied("authority.threshold", f"'{statement.person}' has no part in a {statement.kind}")


def _granting(time: int) -> Callable[[Any, Envelope, str], Statement]:
    return lambda state, envelope, kind: granting(state, envelope, kind, time)
