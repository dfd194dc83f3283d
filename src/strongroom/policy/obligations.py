"""What an allowed transfer still owes (approvals, delay, fee ceiling), and whether approvals meet it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.documents.amount import format_amount
from strongroom.documents.canonical import digest
from strongroom.policy.model import Allowance, ApprovalNeed


@dataclass(frozen=True, slots=True)
class Obligations:
    """The rule that allowed an intent and what it demands; approvers sign its digest."""

    rule: str
    terms: Allowance

    def to_doc(self) -> dict[str, Any]:
        """The canonical form whose digest every approval carries."""
        terms = self.terms
        doc = {
            "rule": self.rule,
            "approvals": [[{"group": n.group, "threshold": n.threshold} for n in each] for each in terms.approvals],
            "initiator_may_approve": terms.initiator_may_approve,
            "delay": terms.delay,
            "expiry": terms.expiry,
            "fee_ceiling": format_amount(terms.fee_ceiling),
        }
        if terms.fold == 1:
            return doc
        screening = terms.screening and {
            "services": list(terms.screening.services),
            "max_age": terms.screening.max_age,
        }
        return {
            **doc,
            "surface": terms.surface.value,
            "device_bound": terms.device_bound,
            "keys": None if terms.keys is None else list(terms.keys),
            "screening": screening,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical obligations, in hex."""
        return digest(self.to_doc())

    @property
    def groups(self) -> frozenset[str]:
        """Every group that any alternative asks."""
        return frozenset(need.group for each in self.terms.approvals for need in each)


def missing(
    obligations: Obligations, approvers: Collection[str], groups: Mapping[str, frozenset[str]]
) -> tuple[tuple[ApprovalNeed, ...], ...]:
    """The alternatives still open, each with what it lacks; () when met. A person fills one place only (I3)."""
    if not obligations.terms.approvals:
        return ()
    open_alternatives = []
    for needs in obligations.terms.approvals:
        lacking = _lacking(needs, approvers, groups)
        if not lacking:
            return ()
        open_alternatives.append(lacking)
    return tuple(open_alternatives)


def _lacking(
    needs: tuple[ApprovalNeed, ...], approvers: Collection[str], groups: Mapping[str, frozenset[str]]
) -> tuple[ApprovalNeed, ...]:
    """What stays unfilled under a maximum matching of people to places (augmenting paths, Kuhn 1955)."""
    places = [index for index, need in enumerate(needs) for _ in range(need.threshold)]
    seat_of: dict[str, int] = {}

    def fill(place: int, tried: set[str]) -> bool:
        for person in sorted(approvers):
            if person in tried or person not in groups.get(needs[places[place]].group, frozenset()):
                continue
            tried.add(person)
            if person not in seat_of or fill(seat_of[person], tried):
                seat_of[person] = place
                return True
        return False

    short = [0] * len(needs)
    for place, need in enumerate(places):
        if not fill(place, set()):
            short[need] += 1
    return tuple(ApprovalNeed(need.group, short[i]) for i, need in enumerate(needs) if short[i])
