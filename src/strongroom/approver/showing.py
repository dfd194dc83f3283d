"""What this machine shows of a transfer, and of what waits for its person: from its own verified state alone."""

from __future__ import annotations

from typing import Any, Final

from strongroom.custody.authority import in_force
from strongroom.custody.decision import Awaiting, Standing, standing, verdict
from strongroom.custody.moment import Moment
from strongroom.custody.outline import approvals, awaited, decision, payload_document, summary
from strongroom.custody.state import CustodyState, Phase, Transfer
from strongroom.custody.words import terms
from strongroom.errors import InvalidInput
from strongroom.policy.evaluate import Allowed

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
    stand = standing_of(state, transfer, now)
    answer = verdict(state, transfer, next_moment(state, now))
    if not isinstance(stand, Awaiting) or not isinstance(answer, Allowed):
        return False
    lacking = {need.group for each in stand.approvals for need in each}
    counted = {each.person for each in transfer.approvals if each.obligations == answer.obligations.digest}
    barred = person == transfer.initiator and not answer.obligations.terms.initiator_may_approve
    return bool(lacking & in_force(state).groups_of(person)) and person not in counted and not barred


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
    answer = verdict(state, transfer, next_moment(state, now))
    obligations = answer.obligations if isinstance(answer, Allowed) else None
    native = policy.chains[wallet.chain].native
    return {
        **row(state, transfer, person, now),
        "wallet": {"name": wallet.name, "account": f"{wallet.chain}:{wallet.address}", "tier": wallet.tier},
        "decision": decision(answer),
        "terms": terms(policy, obligations.terms, native) if obligations else None,
        "approvals": approvals(transfer, obligations),
        "payloads": [payload_document(state, payload) for payload in transfer.payloads],
    }
