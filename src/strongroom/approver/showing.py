"""What this machine shows of a transfer, and of what waits for its person: from its own verified state alone."""

from __future__ import annotations

from typing import Any, Final

from strongroom.custody.authority import in_force
from strongroom.custody.decision import Awaiting, Standing, standing, verdict
from strongroom.custody.moment import Moment
from strongroom.custody.outline import (
    approvals,
    approves,
    awaited,
    decision,
    obligations_of,
    payload_document,
    summary,
)
from strongroom.custody.state import CustodyState, Phase, Transfer, TransferId
from strongroom.custody.words import address_of, terms
from strongroom.documents.names import AccountId
from strongroom.errors import InvalidInput

_SETTLED: Final = (Phase.SIGNED, Phase.COMPLETED, Phase.FAILED, Phase.CLOSED)
"""Nothing is decided any more about what stands there."""


def next_moment(state: CustodyState, now: int) -> Moment:
    """The time that an entry made now would carry; `now` in unix ms."""
    return Moment.at(max(state.time, now))


def newest_first(state: CustodyState) -> list[Transfer]:
    """Every transfer that the state still holds."""
    return sorted(state.transfers.values(), key=lambda transfer: -transfer.touched)


def find(state: CustodyState, text: str) -> Transfer:
    """The transfer whose id begins with six characters or more; raises InvalidInput transfer.unknown."""
    whole = state.transfers.get(TransferId(text))
    if whole is not None:
        return whole
    found = [each for each in state.transfers.values() if each.id.startswith(text)] if len(text) >= 6 else []
    if len(found) != 1:
        problem = "several transfers begin" if found else "no transfer that this machine knows begins"
        raise InvalidInput("transfer.unknown", f"{problem} with '{text[:64]}'", "see: strongroom approver list")
    return found[0]


def standing_of(state: CustodyState, transfer: Transfer, now: int) -> Standing | None:
    """What it owes or is denied by; None when that is past."""
    return None if transfer.phase in _SETTLED else standing(state, transfer, next_moment(state, now))


def waits_for(state: CustodyState, transfer: Transfer, person: str, now: int) -> bool:
    """Whether this person's approval is one that it still lacks."""
    stand, found = standing_of(state, transfer, now), obligations_of(state, transfer, now)
    if not isinstance(stand, Awaiting) or found is None:
        return False
    lacking = {need.group for each in stand.approvals for need in each}
    return bool(lacking & in_force(state).groups_of(person)) and approves(state, person, transfer, found)


def row(state: CustodyState, transfer: Transfer, person: str, now: int) -> dict[str, Any]:
    """One line of a list."""
    stand = standing_of(state, transfer, now)
    return {
        **summary(state, transfer),
        "awaiting": awaited(stand) if stand is not None else None,
        "waits_for_you": waits_for(state, transfer, person, now),
    }


def shown(state: CustodyState, transfer: Transfer, person: str, now: int) -> dict[str, Any]:
    """Everything that its approver should look at before signing; texts are for people, the rest is exact."""
    policy, wallet = in_force(state), state.wallets[transfer.intent.wallet]
    answer, found = verdict(state, transfer, next_moment(state, now)), obligations_of(state, transfer, now)
    native, account = policy.chains[wallet.chain].native, AccountId(f"{wallet.chain}:{wallet.address}")
    return {
        **row(state, transfer, person, now),
        "wallet": {"name": wallet.name, "address": address_of(account), "tier": wallet.tier},
        "decision": decision(answer),
        "terms": terms(policy, found.terms, native) if found else None,
        "approvals": approvals(transfer, found),
        "payloads": [payload_document(state, payload) for payload in transfer.payloads],
    }
