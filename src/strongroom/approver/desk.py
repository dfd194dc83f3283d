"""The desk of one person: what they can sign on this machine's page, and the ways by which it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.approver.config import Config
from strongroom.approver.deeds import approval, stop, would_count
from strongroom.approver.replica import Head, Known
from strongroom.approver.showing import find
from strongroom.approver.sources import Follower
from strongroom.custody.authority import in_force, stopping
from strongroom.custody.state import CustodyState
from strongroom.custody.stops import STOP_STATEMENTS, transfer_of
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement, from_envelope
from strongroom.errors import InvalidInput, Refused
from strongroom.wire.delivery import Handed, hand_out

APPROVE = "transfer.approve"
Submit = Callable[[Envelope], dict[str, Any]]
"""Hands a statement to the coordinator and gives its answer; raises StrongroomError."""


@dataclass(frozen=True, slots=True)
class Paths:
    """How statements leave: to the coordinator, and stops to every relay (HOST:PORT) too; `nodes` sign receipts."""

    submit: Submit
    relays: Sequence[str]
    ca: Path | None
    nodes: Mapping[str, Credential]


@dataclass(frozen=True, slots=True)
class Desk:
    """One person's desk; `clock` gives unix ms."""

    person: str
    home: Path
    config: Config
    follower: Follower
    paths: Paths
    clock: Callable[[], int]

    @property
    def known(self) -> Known:
        """What this machine knows now; read once for what belongs together."""
        return self.follower.replica.known

    @property
    def state(self) -> CustodyState:
        """The state of it."""
        return self.known.state

    @property
    def head(self) -> Head:
        """The head of it."""
        return self.known.head

    def passkeys(self) -> list[Credential]:
        """The person's passkeys that are used on this page and count now."""
        member = in_force(self.state).members.get(self.person)
        found = member.credentials.values() if member is not None and self.person not in self.state.suspended else ()
        here = [key for key in found if key.passkey and key.passkey.origin == self.config.origin]
        return [key for key in here if key.key_id not in self.state.revoked]

    def statement(self, known: Known, kind: str, subject: dict[str, Any], key: str) -> Statement:
        """What is to be signed; raises InvalidInput statement.wrong_kind, or Refused with what makes it impossible."""
        if kind == APPROVE:
            known.head.require_fresh(self.clock(), self.config.max_age)
            transfer = find(known.state, str(subject.get("transfer")))
            return approval(known, transfer, person=self.person, key=key, now=self.clock())
        if kind not in STOP_STATEMENTS:
            raise InvalidInput("statement.wrong_kind", "this machine signs approvals and stops")
        return stop(known.state.workspace, kind, subject, person=self.person, key=key, now=self.clock())

    def hand_in(self, envelope: Envelope) -> Handed:
        """Let a signed statement out, once it would count by this machine's own state; raises StrongroomError."""
        statement = from_envelope(envelope)
        if statement.person != self.person:
            raise Refused("statement.other_person", f"this machine is {self.person}'s")
        if statement.kind == APPROVE:
            self.head.require_fresh(self.clock(), self.config.max_age)
            transfer = transfer_of(self.state, statement.subject.get("transfer"))
            would_count(self.state, envelope, transfer, self.clock())
            return Handed(self.paths.submit(envelope), None, ())
        if statement.kind not in STOP_STATEMENTS:
            raise InvalidInput("statement.wrong_kind", "this machine signs approvals and stops")
        stopping(self.state, envelope, statement.kind)
        handed = hand_out(self.paths.submit, self.paths.relays, self.paths.ca, envelope, self.paths.nodes)
        handed.require_heard()
        return handed

    def key(self, name: str) -> Credential:
        """A passkey of this page by its id, the first one for none; raises Refused."""
        found = self.passkeys()
        if not found:
            remedy = f"enrol one at {self.config.origin}/enrol, or use strongroom approver approve"
            raise Refused("approver.no_passkey", f"no passkey of '{self.person}' counts on this page", remedy)
        return found[0] if not name else credential_of_page(found, name)


def credential_of_page(keys: Sequence[Credential], name: str) -> Credential:
    """The one of this id; raises Refused."""
    for key in keys:
        if key.key_id == name:
            return key
    raise Refused("statement.unknown_key", "no passkey of that name counts on this page")
