"""Who must have signed for an entry: verified statements, counted once a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from strongroom.custody.state import ROOTS_KEPT, CustodyState
from strongroom.documents import request
from strongroom.documents.canonical import encode
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement, from_envelope, statement_hash
from strongroom.errors import Refused
from strongroom.log.batch import Signers
from strongroom.log.entry import Entry
from strongroom.policy.model import Policy, Quorum

PROPOSE = "transfer.propose"
COORDINATOR = "coordinator"
"""The name under which the coordinator's log key makes noted statements; it carries no authority."""


def in_force(state: CustodyState) -> Policy:
    """The policy in force; raises Refused before `workspace.created`."""
    if state.policy is None:
        raise Refused("workspace.missing", "the log does not begin with workspace.created")
    return state.policy


def signers_in(state: CustodyState) -> Signers:
    """Whose signatures the next entries may carry: everyone's by the policy in force, and the wallets'."""
    if state.policy is None:
        return Signers()
    return Signers(state.policy.credentials, {wallet.address for wallet in state.wallets.values()})


def credential_of(state: CustodyState, name: str, key: str) -> Credential:
    """The usable credential `key` of `name` under the policy in force; raises Refused."""
    policy = in_force(state)
    credential = policy.coordinator if name == COORDINATOR else policy.credential(name, key)
    if credential is None or credential.key_id != key:
        raise Refused("statement.unknown_key", f"the policy lists no key {key[:12]} for '{name}'")
    if key in state.revoked:
        raise Refused("credential.revoked", f"key {key[:12]} of '{name}' was revoked")
    if name in state.suspended:
        raise Refused("person.suspended", f"'{name}' is suspended")
    return credential


def stopping(state: CustodyState, envelope: Envelope, kind: str) -> Statement:
    """Verify a statement that stops something: it needs neither `seen` nor `not_after`."""
    statement = from_envelope(envelope)
    statement.require(kind, state.workspace, 0)
    # The suspended count where a suspension is to end: else one administrator could lock out all the others.
    electorate = replace(state, suspended=frozenset()) if kind == "person.reinstate" else state
    envelope.verify(credential_of(electorate, statement.person, statement.key))
    return statement


def granting(state: CustodyState, envelope: Envelope, kind: str, time: int) -> Statement:
    """Verify a statement that loosens something: of this log, recent, and not expired at log `time`."""
    statement = stopping(state, envelope, kind)
    statement.require(kind, state.workspace, time)
    if statement.not_after is None:
        raise Refused("statement.expired", f"the statement of '{statement.person}' has no end")
    seen = statement.seen
    root = state.roots.get(seen.size) if seen else None
    if seen is None or seen.size > state.size or (root and root.hex() != seen.root):
        raise Refused("statement.seen_unknown", f"'{statement.person}' refers to no cosigned head of this log")
    if root is None:
        raise Refused("statement.seen_too_old", f"the head that it refers to is over {ROOTS_KEPT} entries old")
    if seen.size <= state.renewed.get(kind, -1):
        raise Refused("statement.before_stop", f"'{statement.person}' had not seen what stopped such a {kind} since")
    return statement


def proposal_in(state: CustodyState, envelope: Envelope) -> Statement:
    """The statement in an envelope, or what the request in it amounts to; NOT verified."""
    if envelope.payload_type != request.REQUEST_TYPE:
        return from_envelope(envelope)
    key = envelope.signatures[0][0]
    members = in_force(state).members.values()
    holder = next((member.name for member in members if key in member.credentials), "nobody")
    return request.requested(envelope, holder, state.workspace)


def proposed(state: CustodyState, envelope: Envelope, time: int) -> Statement:
    """What the initiator proposes at log `time` (ms), verified; whether it was said before is not looked at."""
    if envelope.payload_type != request.REQUEST_TYPE:
        return granting(state, envelope, PROPOSE, time)
    statement = proposal_in(state, envelope)
    credential = credential_of(state, statement.person, statement.key)
    request.require_time(request.verify_request(envelope, credential, state.workspace), time)
    return statement


def people(state: CustodyState, entry: Entry, kind: str, subject: dict[str, Any]) -> frozenset[str]:
    """The distinct names whose granting statements about exactly `subject` the entry carries."""
    if not entry.evidence:
        raise Refused("evidence.count", f"{entry.kind} carries no statement")
    return agreeing(state, entry.evidence, kind, subject, entry.time)


def agreeing(
    state: CustodyState, envelopes: Iterable[Envelope], kind: str, subject: dict[str, Any], time: int
) -> frozenset[str]:
    """The distinct names whose granting statements, all about exactly `subject` at log `time`, these are."""
    names = []
    for envelope in envelopes:
        statement = granting(state, envelope, kind, time)
        require_subject(statement, subject)
        names.append(statement.person)
    return distinct(names)


def require_subject(statement: Statement, subject: dict[str, Any]) -> None:
    """Raise unless the statement is about exactly `subject`."""
    if encode(statement.subject) != encode(subject):
        raise Refused(
            "statement.other_subject", f"the {statement.kind} of '{statement.person}' is about something else"
        )


def distinct(names: Iterable[str]) -> frozenset[str]:
    """The set of names, refusing one that stands twice."""
    listed = list(names)
    if len(set(listed)) != len(listed):
        raise Refused("approval.person_already_counted", "a person counts once, whatever keys or groups they hold")
    return frozenset(listed)


def require_quorum(quorum: Quorum, names: frozenset[str], what: str) -> None:
    """Raise unless enough of the quorum's members are among `names`."""
    have = len(names & quorum.members)
    if have < quorum.threshold:
        raise Refused("authority.threshold", f"{what} needs {quorum.threshold} people, {have} have signed")


def require_administrators(state: CustodyState, entry: Entry, kind: str) -> None:
    """Raise unless the administrators' threshold has signed for exactly the entry's body."""
    require_quorum(in_force(state).administrators, people(state, entry, kind, entry.body), entry.kind)


def single(entry: Entry) -> Envelope:
    """The entry's only piece of evidence."""
    if len(entry.evidence) != 1:
        raise Refused("evidence.count", f"{entry.kind} carries one statement, not {len(entry.evidence)}")
    return entry.evidence[0]


def observed(state: CustodyState, entry: Entry) -> Statement:
    """A noted entry's statement by the coordinator's own key, about exactly the body."""
    statement = granting(state, single(entry), "transfer.observe", entry.time)
    if statement.person != COORDINATOR:
        raise Refused("statement.unknown_key", "only the coordinator's watcher notes observations")
    require_subject(statement, entry.body)
    return statement


def unused(state: CustodyState, envelope: Envelope) -> str:
    """The statement's hash, refusing one that was counted before."""
    name = statement_hash(envelope)
    if name in state.stops:
        raise Refused("statement.already_counted", "this statement was counted before, and counts once")
    return name
