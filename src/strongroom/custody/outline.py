"""A transfer as a document, from the log alone: what was asked, what the rules say, what was authorized."""

from __future__ import annotations

from typing import Any

from strongroom.chains.evm.explain import explain, explain_call, explain_message
from strongroom.custody.authority import in_force
from strongroom.custody.decision import Awaiting, Standing, describe, verdict
from strongroom.custody.intents import wanted
from strongroom.custody.moment import Moment
from strongroom.custody.state import CustodyState, Intent, Payload, Transfer
from strongroom.custody.words import money, party
from strongroom.documents.abi import Method
from strongroom.documents.names import split_asset
from strongroom.documents.typed import parse_message
from strongroom.errors import StrongroomError
from strongroom.policy.calls import CallShape
from strongroom.policy.evaluate import Allowed, Denied, Verdict
from strongroom.policy.model import Policy
from strongroom.policy.obligations import Obligations
from strongroom.policy.words import moment


def summary(state: CustodyState, transfer: Transfer) -> dict[str, Any]:
    """What was asked and the phase in the log: one row of a list."""
    intent, policy = transfer.intent, in_force(state)
    return {
        "id": transfer.id,
        "phase": transfer.phase.value,
        "closed": transfer.closed,
        "initiator": transfer.initiator,
        "from": intent.wallet,
        "to": party(state, intent.to),
        "asset": intent.asset,
        "amount": money(policy, intent.asset, intent.amount),
        "why": intent.why,
        "until": intent.until,
        "idempotency": intent.idempotency,
        "proposed": transfer.proposed,
        "txid": transfer.txid or None,
        "operation": "message" if intent.message else "call" if intent.call else "transfer",
        "does": does(state, intent),
        "signature": transfer.signature or None,
    }


def does(state: CustodyState, intent: Intent) -> list[str]:
    """What a call or a message does, in lines for people; nothing of a transfer, whose amount and recipient say it."""
    if intent.message:
        return explain_message(parse_message(intent.message))
    policy = in_force(state)
    if intent.call is None:
        return []
    return explain_call(split_asset(intent.asset)[0], wanted(intent), policy.assets, _methods(policy))


def _methods(policy: Policy) -> list[Method]:
    """The methods that rules of the policy name: what their arguments are."""
    named = (shape for rule in policy.rules for shape in rule.condition.operations or ())
    return [shape.method for shape in named if isinstance(shape, CallShape)]


def obligations_of(state: CustodyState, transfer: Transfer, now: int) -> Obligations | None:
    """What an approval made now (unix ms) is given under; None when the policy denies the transfer."""
    answer = verdict(state, transfer, Moment.at(max(state.time, now)))
    return answer.obligations if isinstance(answer, Allowed) else None


def approves(state: CustodyState, person: str, transfer: Transfer, found: Obligations) -> bool:
    """Whether the person's approval under these obligations would be a new one that counts."""
    given = any(a.person == person and a.obligations == found.digest for a in transfer.approvals)
    own = person == transfer.initiator and not found.terms.initiator_may_approve
    return bool(in_force(state).groups_of(person) & found.groups) and not given and not own


def decision(answer: Verdict) -> dict[str, Any]:
    """The rules' answer; `obligations` is what an approval signs the digest of."""
    obligations = answer.obligations if isinstance(answer, Allowed) else None
    return {
        "allowed": obligations is not None,
        "rule": obligations.rule if obligations else None,
        "obligations": obligations.to_doc() if obligations else None,
        "digest": obligations.digest if obligations else None,
        "code": answer.code if isinstance(answer, Denied) else None,
        "reason": answer.reason if isinstance(answer, Denied) else None,
    }


def approvals(transfer: Transfer, obligations: Obligations | None) -> list[dict[str, Any]]:
    """Who has approved when, and whether under the obligations that hold now."""
    return [
        {
            "person": approval.person,
            "time": approval.time,
            "counts": obligations is not None and approval.obligations == obligations.digest,
        }
        for approval in transfer.approvals
    ]


def payload_document(state: CustodyState, payload: Payload) -> dict[str, Any]:
    """One authorized payload, decoded from its bytes."""
    return {
        "digest": payload.digest,
        "time": payload.time,
        "null": payload.null,
        "raw": payload.raw.hex(),
        "explained": explained(state, payload),
    }


def explained(state: CustodyState, payload: Payload) -> list[str]:
    """What the payload does, in lines for people."""
    try:
        policy = in_force(state)
        return explain(payload.raw, policy.assets, _methods(policy))
    except StrongroomError as error:
        return [f"cannot be decoded: {error.message}"]


def awaited(stand: Standing) -> dict[str, Any] | None:
    """What the log says that it waits for, or denies it by; nothing when nothing is owed any more."""
    if isinstance(stand, Denied):
        return waits(stand.code, stand.reason)
    if isinstance(stand, Awaiting) and stand.approvals:
        return waits("approvals.missing", f"waits for approvals: {describe(stand)}")
    if isinstance(stand, Awaiting) and stand.screening:
        return waits("screening.not_signed", f"waits for a screening by {' or '.join(stand.screening)}")
    if isinstance(stand, Awaiting):
        return waits("delay.not_elapsed", f"waits until {moment(stand.not_before)}: the rule's delay", stand.not_before)
    return None


def waits(code: str, text: str, until: int | None = None) -> dict[str, Any]:
    """One thing that a transfer waits for; `until` in unix ms when that is known."""
    return {"code": code, "text": text, "until": until}
