"""What in the log, and in what the coordinator sees, is an occasion for a notice: pure functions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, Final

from strongroom.coordinator.notices.notice import Event, Notice
from strongroom.coordinator.parts import part
from strongroom.custody.authority import in_force
from strongroom.custody.decision import Awaiting, block, describe, owed, verdict
from strongroom.custody.moment import Moment
from strongroom.custody.state import CustodyState, Transfer, TransferId
from strongroom.custody.words import money
from strongroom.documents.canonical import parse
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import from_envelope, statement_hash
from strongroom.errors import StrongroomError
from strongroom.log.entry import Entry
from strongroom.policy.evaluate import Denied
from strongroom.policy.obligations import Obligations
from strongroom.store.records import Collected, Refusal

AT_ONCE: Final = ("workspace.frozen",)
"""Entries that are told of before a quorum has cosigned them: a stop counts from the moment it is seen."""

ENDS: Final = {
    "transfer.rejected": Event.REFUSED,
    "transfer.cancelled": Event.REFUSED,
    "transfer.completed": Event.COMPLETED,
    "transfer.failed": Event.FAILED,
}
RULES: Final = ("policy.proposed", "policy.adopted")
KINDS: Final = {*AT_ONCE, *ENDS, *RULES, "transfer.proposed", "transfer.approved", "workspace.unfrozen"}
"""The kinds of entry that may be an occasion."""

SIGNERS_NO: Final = ("sign", "transfer.authorized", "transfer.replaced")
TRANSIENT: Final = ("rejoin.", "share.", "checkpoint.", "log.", "stop.", "frame.", "session.", "time.")
"""Refusals about a node or the moment: they pass, or stand in `strongroom status`."""


def of_entry(state: CustodyState, entry: Entry) -> Iterator[Notice]:
    """The notices of an entry, seen from a state that holds it: what has passed since is not told any more."""
    if entry.kind == "workspace.frozen":
        yield _frozen(entry)
    elif entry.kind == "workspace.unfrozen":
        freeze = entry.body["freeze"]
        data = {"freeze": freeze}
        yield Notice(Event.UNFROZEN, (freeze,), entry.time, f"Freeze {freeze[:12]} has ended.", None, data)
    elif entry.kind in RULES:
        for name in state.open:
            yield from _waiting(state, state.transfers[name], entry.time)
    else:
        transfer = state.transfers.get(TransferId(entry.body["transfer"]))
        if transfer is not None:  # else it has ended long ago
            yield from _of_transfer(state, transfer, entry)


def of_refusal(state: CustodyState, refusal: Refusal) -> Iterator[Notice]:
    """The notice of a signer's no to a transfer."""
    transfer = state.transfers.get(TransferId(refusal.transfer))
    if transfer is None or refusal.what not in SIGNERS_NO or refusal.code.startswith(TRANSIENT):
        return
    text = f"{_payment(state, transfer)}: refused by {refusal.by}, {refusal.code}."
    data = {**_data(state, transfer), "by": refusal.by, "code": refusal.code}
    yield Notice(Event.REFUSED, (transfer.id, refusal.code), refusal.time, text, _concerned(transfer), data)


def of_collected(state: CustodyState, row: Collected) -> Iterator[Notice]:
    """The notice of a statement that waits for others to sign the same: one for the first of them."""
    body = from_envelope(Envelope.from_doc(parse(row.envelope.encode(), max_bytes=1 << 20))).subject
    if row.kind == "policy.propose":
        if not row.attachment:  # the first statement has brought the policy
            return
        body = {"policy": json.loads(row.attachment)}
    quorum = part(in_force(state), row.kind, body)
    others = quorum.members - {row.person} - state.suspended if quorum else frozenset()
    if quorum and quorum.threshold > 1 and others:
        text = f"{row.kind} is signed by {row.person} and waits for others: {row.subject[:12]}."
        data = {"kind": row.kind, "subject": row.subject, "by": row.person}
        yield Notice(Event.WAITS_FOR_YOU, (row.kind, row.subject), row.time, text, others, data)


def _frozen(entry: Entry) -> Notice:
    """By whom and of what: the reason is people's own text, and stays in the log."""
    freeze, scope, target = statement_hash(entry.evidence[0]), entry.body["scope"], entry.body["target"]
    people = sorted(from_envelope(envelope).person for envelope in entry.evidence)
    text = f"{f'{scope} {target}' if target else 'The workspace'} is frozen by {', '.join(people)}."
    data = {"freeze": freeze, "scope": scope, "target": target, "by": people}
    return Notice(Event.FROZEN, (freeze,), entry.time, text, None, data)


def _of_transfer(state: CustodyState, transfer: Transfer, entry: Entry) -> Iterator[Notice]:
    if entry.kind == "transfer.proposed":
        yield from _waiting(state, transfer, entry.time)
    elif entry.kind == "transfer.approved":
        if transfer.closed or (transfer.authorization is None and _lacking(state, transfer, entry.time)):
            return
        names = ", ".join(approval.person for approval in transfer.approvals)
        text = f"{_payment(state, transfer)}: approved by {names}."
        yield Notice(
            Event.APPROVED, (transfer.id,), entry.time, text, _concerned(transfer), _data(state, transfer)
        )  # fmt: skip
    else:
        event = ENDS[entry.kind]
        said = transfer.closed if event == Event.REFUSED else event.value
        text, data = f"{_payment(state, transfer)}: {said}.", {**_data(state, transfer), "txid": transfer.txid}
        yield Notice(event, (transfer.id,), entry.time, text, _concerned(transfer), data)


def _waiting(state: CustodyState, transfer: Transfer, time: int) -> Iterator[Notice]:
    """For whom a transfer waits: once for the same obligations, whatever else changes."""
    lacking = _lacking(state, transfer, time)
    if lacking is None:
        return
    obligations, awaiting = lacking
    text = f"{_payment(state, transfer)}: waits for approvals, {describe(awaiting)}."
    data = {**_data(state, transfer), "rule": obligations.rule, "lacking": describe(awaiting)}
    people = _able(state, transfer, obligations, awaiting)
    yield Notice(Event.WAITS_FOR_YOU, (transfer.id, obligations.digest), time, text, people, data)


def _lacking(state: CustodyState, transfer: Transfer, time: int) -> tuple[Obligations, Awaiting] | None:
    """The obligations and the approvals that they lack; None when it is denied, or lacks none."""
    moment = Moment.at(time)
    try:
        answer = block(state, transfer, moment) or verdict(state, transfer, moment)
    except StrongroomError:
        return None
    if isinstance(answer, Denied) or transfer.authorization is not None:
        return None
    standing = owed(state, transfer, answer, moment)
    return (answer.obligations, standing) if isinstance(standing, Awaiting) and standing.approvals else None


def _able(
    state: CustodyState, transfer: Transfer, obligations: Obligations, awaiting: Awaiting
) -> frozenset[str]:  # fmt: skip
    """Who could give an approval that is lacking."""
    groups = in_force(state).groups
    people: Collection[str] = frozenset[str]().union(*(groups[n.group] for each in awaiting.approvals for n in each))
    done = {approval.person for approval in transfer.approvals if approval.obligations == obligations.digest}
    if not obligations.terms.initiator_may_approve:
        done |= {transfer.initiator}
    return frozenset(people) - done - state.suspended


def _concerned(transfer: Transfer) -> frozenset[str]:
    return frozenset((transfer.initiator, *(approval.person for approval in transfer.approvals)))


def _payment(state: CustodyState, transfer: Transfer) -> str:
    """`0.5 ETH from hot-eth by exchange (transfer 1a2b3c4d5e6f)`; symbols are labels, and written plainly."""
    intent = transfer.intent
    amount = plain(money(in_force(state), intent.asset, intent.amount)["text"])
    if intent.call is not None:
        amount = f"A call about {amount}"
    elif intent.message:
        amount = "A typed message"
    return f"{amount} from {transfer.intent.wallet} by {transfer.initiator} (transfer {transfer.id[:12]})"


def _data(state: CustodyState, transfer: Transfer) -> dict[str, Any]:
    return {
        "transfer": transfer.id,
        "wallet": transfer.intent.wallet,
        "asset": transfer.intent.asset,
        "amount": str(transfer.intent.amount),
        "initiator": transfer.initiator,
    }


def plain(label: str) -> str:
    """A label without what a channel could take for markup, a link or a mention."""
    return "".join(sign if sign.isalnum() or sign in " .,-+" else "·" for sign in label)
