"""One transfer as a document: what was asked, what the rules say, what happened, what is awaited and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from strongroom.api.facade import Activity, Event, Health, Refusal
from strongroom.custody.authority import in_force
from strongroom.custody.decision import Awaiting, Standing, standing, verdict
from strongroom.custody.moment import Moment
from strongroom.custody.outline import approvals, awaited, decision, explained, payload_document, summary, waits
from strongroom.custody.state import CustodyState, Phase, Transfer
from strongroom.custody.words import terms
from strongroom.documents.canonical import digest
from strongroom.policy.evaluate import Allowed, Denied
from strongroom.policy.obligations import Obligations

_FROM_LOG = frozenset({"proposed", "approved", "authorized", "replaced", "reject", "cancel"})
"""Stages that the state itself tells; of these the coordinator's own events would only repeat it."""


class Status(StrEnum):
    """Where a transfer stands, for callers: the last three are final."""

    AWAITING_APPROVALS = "awaiting_approvals"
    AWAITING_SCREENING = "awaiting_screening"
    DELAYED = "delayed"
    DENIED = "denied"
    REFUSED = "refused"
    STALLED = "stalled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Untold:
    """The activity of a transfer of which the log tells everything, because it was made just now."""

    events: tuple[Event, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    txids: tuple[str, ...] = ()
    confirmations: int | None = None
    awaiting: str = ""
    awaiting_code: str = ""


def transfer_document(
    state: CustodyState, transfer: Transfer, activity: Activity, health: Health, now: int
) -> dict[str, Any]:
    """Everything about one transfer at `now` (unix ms); `version` changes with anything else in it."""
    ended = transfer.phase in (Phase.COMPLETED, Phase.FAILED, Phase.CLOSED)
    # What is signed may confirm whatever the rules say by now: nothing is decided about it any more.
    decided = ended or transfer.phase is Phase.SIGNED
    stand = None if decided else standing(state, transfer, Moment.at(max(state.time, now)))
    answer = verdict(state, transfer, Moment.at(max(state.time, now)))
    obligations = answer.obligations if isinstance(answer, Allowed) else None
    awaiting = None if ended else _awaiting(state, transfer, stand, activity, health)
    document = {
        **summary(state, transfer),
        "status": _status(transfer, stand, activity, awaiting).value,
        "decision": decision(answer),
        "approvals": approvals(transfer, obligations),
        "nonce": transfer.authorization.nonce if transfer.authorization and not transfer.intent.message else None,
        "payloads": [payload_document(state, payload) for payload in transfer.payloads],
        "txids": list(activity.txids),
        "confirmations": activity.confirmations,
        "refusals": [
            {"time": r.time, "by": r.by, "what": r.what, "code": r.code, "message": r.message}
            for r in activity.refusals
        ],
        "awaiting": awaiting,
        "timeline": _timeline(state, transfer, activity, obligations),
    }
    return {**document, "version": digest(document)[:16]}


def quorum_text(health: Health, key: str) -> str:
    """What is missing of signers and witnesses, or nothing: `quorum 1 of 2, witnesses 2 of 3`."""
    have, need = health.quorums.get(key, (0, 0))
    if have >= need and health.witnesses_have >= health.witnesses_need:
        return ""
    return f"quorum {have} of {need}, witnesses {health.witnesses_have} of {health.witnesses_need}"


def _awaiting(
    state: CustodyState, transfer: Transfer, stand: Standing | None, activity: Activity, health: Health
) -> dict[str, Any] | None:
    if stand is not None and (owed := awaited(stand)):
        return owed
    if transfer.phase in (Phase.PROPOSED, Phase.AUTHORIZED):
        missing = quorum_text(health, state.wallets[transfer.intent.wallet].key)
        if missing:
            return waits("quorum.unreachable", missing)
    return waits(activity.awaiting_code, activity.awaiting) if activity.awaiting else None


def _status(transfer: Transfer, stand: Standing | None, activity: Activity, awaiting: dict[str, Any] | None) -> Status:
    if transfer.phase in (Phase.COMPLETED, Phase.FAILED, Phase.CLOSED):
        return Status(transfer.phase.value)
    if isinstance(stand, Denied):
        return Status.DENIED
    if isinstance(stand, Awaiting):
        if stand.approvals:
            return Status.AWAITING_APPROVALS
        return Status.AWAITING_SCREENING if stand.screening else Status.DELAYED
    if awaiting and awaiting["code"].partition(".")[0] in ("quorum", "node"):
        return Status.STALLED
    refused = max((refusal.time for refusal in activity.refusals), default=-1)
    newest = max((event.time for event in activity.events), default=0)
    return Status.REFUSED if refused >= newest and transfer.phase is not Phase.SIGNED else Status.IN_PROGRESS


def _item(time: int | None, stage: str, text: str, details: list[str] | None = None) -> dict[str, Any]:
    return {"time": time, "stage": stage, "text": text, "details": details or []}


def _timeline(
    state: CustodyState, transfer: Transfer, activity: Activity, obligations: Obligations | None
) -> list[dict[str, Any]]:
    """What happened, in order; what has no known time comes last."""
    row, policy = summary(state, transfer), in_force(state)
    native = policy.chains[state.wallets[transfer.intent.wallet].chain].native
    to = row["to"]
    name = f" (wallet {to['wallet']})" if to["wallet"] else "".join(f" ({label})" for label in to["listed_as"])
    asked = f"{transfer.initiator} proposed {row['amount']['text']} from {row['from']} to {to['address']}{name}"
    if row["does"]:
        asked = f"{transfer.initiator} proposed a {row['operation']} by {row['from']}: it {row['does'][0]}"
    why = [*row["does"][1:], *([f"why: {transfer.intent.why}"] if transfer.intent.why else [])]
    items = [_item(transfer.proposed, "proposed", asked, why)]
    if obligations:
        said = f"rule '{obligations.rule}' applies: {terms(policy, obligations.terms, native)}"
        items.append(_item(transfer.proposed, "policy", said))
    for approval in transfer.approvals:
        counts = obligations is not None and approval.obligations == obligations.digest
        stale = "" if counts else ", but the obligations have changed since: it no longer counts"
        items.append(_item(approval.time, "approved", f"{approval.person} approved{stale}"))
    for index, payload in enumerate(transfer.payloads):
        stage = "replaced" if index else "authorized"
        text = "authorized: limits consumed, this payload alone may be signed"
        if index:
            text = "replaced by a null payload" if payload.null else "replaced at another fee, same nonce"
        items.append(_item(payload.time, stage, text, explained(state, payload)))
    told = {event.stage for event in activity.events}
    items += [_item(e.time, e.stage, f"{e.stage}: {e.text}") for e in activity.events if e.stage not in _FROM_LOG]
    items += [
        _item(r.time, "refused", f"{r.by} refused to {r.what}: {r.message} [{r.code}]") for r in activity.refusals
    ]
    items.sort(key=lambda item: item["time"])  # stable: equal times keep the order above
    if transfer.txid and not told & {"signed", "broadcast"}:
        what = "message" if transfer.intent.message else "transaction"
        items.append(_item(None, "signed", f"signed: {what} {transfer.txid}"))
    if transfer.closed and transfer.phase is not Phase.FAILED:
        items.append(_item(None, "closed", transfer.closed))
    if transfer.phase in (Phase.COMPLETED, Phase.FAILED) and transfer.phase.value not in told:
        where = "" if transfer.intent.message else " on the chain"
        items.append(_item(None, transfer.phase.value, transfer.closed or f"{transfer.phase.value}{where}"))
    return items
