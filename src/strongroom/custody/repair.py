"""The log goes on after a split: from the highest head that a quorum has accepted, on the administrators' order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from strongroom.custody.authority import agreeing, distinct, in_force, require_quorum, stopping
from strongroom.custody.state import CustodyState
from strongroom.custody.witnesses import accepted, electorates, reached
from strongroom.documents.canonical import fields
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_hash
from strongroom.documents.statement import from_envelope
from strongroom.errors import Refused
from strongroom.log.accept import Accept, parse_accepts
from strongroom.log.entry import Entry

MOST_SKIPPED: Final = 1000  # numbers, of repairs that were begun and came to nothing

_STATE: Final = {"number": int, "head": dict, "accepts": list}
_HEAD: Final = {"repair": int, "size": int, "root": str}


@dataclass(frozen=True, slots=True)
class Shown:
    """A witness's highest q-accepted head (repair number, size, root) and the accepts that prove it."""

    node: str
    rank: tuple[int, int]
    root: str
    accepts: tuple[Accept, ...]


def state_subject(number: int, rank: tuple[int, int], root: bytes, accepts: list[dict[str, Any]]) -> dict[str, Any]:
    """What a `witness.state` statement for repair `number` says; size 0 without a q-accepted head."""
    return {"number": number, "head": {"repair": rank[0], "size": rank[1], "root": root.hex()}, "accepts": accepts}


def shown_by(state: CustodyState, envelope: Envelope, number: int) -> Shown:
    """What a witness has stated for repair `number`; raises Refused repair.stale_statement for another's."""
    statement = stopping(state, envelope, "witness.state")
    subject = fields(statement.subject, "witness.state", _STATE)
    head = fields(subject["head"], "head", _HEAD)
    if subject["number"] != number:
        raise Refused("repair.stale_statement", f"'{statement.person}' made it for repair {subject['number']}")
    rank = (head["repair"], head["size"])
    return Shown(statement.person, rank, parse_hash(head["root"]), parse_accepts(subject["accepts"]))


def require_repair_order(state: CustodyState, envelopes: Iterable[Envelope], number: int, time: int) -> None:
    """Raises Refused unless the administrators' threshold has ordered repair `number`; none uses up the numbers."""
    if not state.repair < number <= state.repair + MOST_SKIPPED:
        raise Refused("repair.number", f"the next repair after {state.repair} has a number up to {MOST_SKIPPED} higher")
    names = agreeing(state, envelopes, "log.repair", {"number": number}, time)
    require_quorum(in_force(state).administrators, names, f"repair {number}")


def enough_shown(state: CustodyState, names: Collection[str]) -> bool:
    """Whether these witnesses are n - f of every electorate: one of them has cosigned whatever a quorum has."""
    return all(each.count(names) >= each.shown for each in electorates(state))


def shown_in(state: CustodyState, entry: Entry) -> list[Shown]:
    """What the witnesses have stated in a `log.repaired` behind this state."""
    stated = [envelope for envelope in entry.evidence if from_envelope(envelope).kind != "log.repair"]
    return [shown_by(state, envelope, entry.body["number"]) for envelope in stated]


def accepts_for(state: CustodyState, shown: Iterable[Shown]) -> list[Accept]:
    """What they show as accepts of this very head."""
    return [accept for each in shown if each.rank == (state.repair, state.size) for accept in each.accepts]


def on_repaired(state: CustodyState, entry: Entry) -> CustodyState:
    """The first entry behind the highest head that n - f witnesses have shown; it vouches for the times before it."""
    body = fields(entry.body, "log.repaired", {"number": int, "base": dict})
    base, number = fields(body["base"], "base", {"size": int, "root": str}), body["number"]
    if (base["size"], base["root"]) != (state.size, state.root.hex()):
        raise Refused("repair.other_base", "it stands on another head than the one that it names")
    orders = [envelope for envelope in entry.evidence if from_envelope(envelope).kind == "log.repair"]
    shown = shown_in(state, entry)
    require_repair_order(state, orders, number, entry.time)
    if not enough_shown(state, distinct(each.node for each in shown)):
        raise Refused("repair.statements_missing", "it takes the statements of n - f witnesses")
    if any(each.rank > (state.repair, state.size) for each in shown):
        raise Refused("repair.not_highest", "a witness has shown a higher head")
    if not reached(state, accepted(state, accepts_for(state, shown))):
        raise Refused("repair.not_accepted", "nobody has shown that a quorum accepted the head that it stands on")
    return replace(state, repair=number)
