"""What an allowed transfer owes before it is authorized: approvals, a delay, a screening, a fee under the ceiling."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from strongroom.audit.second.facts import Document, Facts
from strongroom.audit.second.rules import Opinion


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes by a key, over obligations with that digest, at a log time (ms)."""

    person: str
    key: str
    obligations: str
    time: int


@dataclass(frozen=True, slots=True)
class Screened:
    """The newest word of a service, by a key, at a log time (ms)."""

    service: str
    key: str
    clear: bool
    time: int


@dataclass(frozen=True, slots=True)
class Record:
    """What has happened to a transfer; `stopped` says whether a name is suspended or its key revoked."""

    proposed: int
    approvals: Sequence[Approval]
    screenings: Sequence[Screened]
    stopped: Callable[[str, str], bool]


def lacking(policy: Document, facts: Facts, opinion: Opinion, record: Record) -> str:
    """The code of what an authorization now would lack under what an opinion asks for; empty when nothing."""
    terms = opinion.obligations or {}
    if facts.fee > int(terms["fee_ceiling"]):
        return "fee.over_ceiling"
    counted = [each for each in record.approvals if _counts(policy, facts, opinion, record, each)]
    enough = next((at for at in range(len(counted) + 1) if _met(policy, terms, counted[:at])), None)
    if enough is None:
        return "approvals.missing"
    since = max((each.time for each in counted[:enough]), default=record.proposed)
    return _screening(facts, terms, record) or (
        "delay.not_elapsed" if since + 1000 * terms["delay"] > facts.earliest else ""
    )


def _counts(policy: Document, facts: Facts, opinion: Opinion, record: Record, approval: Approval) -> bool:
    terms, person, key = opinion.obligations or {}, approval.person, approval.key
    found = [each for each in policy["people"].get(person, {"keys": []})["keys"] if _named(each) == key]
    if not found or record.stopped(person, key) or approval.obligations != opinion.digest:
        return False
    if person == facts.initiator and not terms["initiator_may_approve"]:
        return False
    if terms.get("surface") == "approver" and found[0].get("surface") != "approver":
        return False
    return not terms.get("device_bound") or found[0].get("backup_eligible") is False


def _named(credential: Document) -> str:
    return hashlib.sha256(f"{credential['kind']}:{credential['public']}".encode()).hexdigest()


def _met(policy: Document, terms: Document, approvals: Sequence[Approval]) -> bool:
    people = {each.person for each in approvals}
    return not terms["approvals"] or any(_seated(policy, people, needs) for needs in terms["approvals"])


def _seated(policy: Document, people: set[str], needs: Sequence[Document]) -> bool:
    """Whether everyone asked for has a person of their own: any of the groups together hold enough (Hall 1935)."""
    some = chain.from_iterable(combinations(needs, size) for size in range(1, len(needs) + 1))
    return all(
        len(people & set().union(*(policy["groups"][need["group"]] for need in each)))
        >= sum(need["threshold"] for need in each)
        for each in some
    )


def _screening(facts: Facts, terms: Document, record: Record) -> str:
    asked = terms.get("screening")
    if asked is None:
        return ""
    words = [each for each in record.screenings if each.service in asked["services"]]
    if any(not each.clear for each in words):
        return "screening.flagged"
    since = facts.latest - 1000 * asked["max_age"]
    clear = any(each.time >= since and not record.stopped(each.service, each.key) for each in words)
    return "" if clear else "screening.not_signed"
