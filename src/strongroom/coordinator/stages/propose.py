"""Stage propose: an initiator's signed intent becomes `transfer.proposed`, and `transfer.authorized` when ready."""

from __future__ import annotations

from strongroom.coordinator.desk import Desk
from strongroom.coordinator.stages.plan import Planner, note_authorized
from strongroom.custody.authority import proposed
from strongroom.custody.decision import Ready, standing
from strongroom.custody.intents import parse_intent
from strongroom.custody.state import Intent, TransferId
from strongroom.custody.transfers import opened_before
from strongroom.documents.envelope import Envelope
from strongroom.documents.request import proposal_hash
from strongroom.documents.statement import Statement
from strongroom.errors import Refused, StrongroomError, Unreachable
from strongroom.log.entry import new_entry


async def propose(
    desk: Desk, planner: Planner, envelope: Envelope, statement: Statement
) -> tuple[TransferId, int | None]:
    """The transfer's id, and the index of its entry (None: it was there before). Raises, and appends nothing then.

    When nothing is owed, the authorization joins it in the same batch: one round of the witnesses for both.
    """
    intent = parse_intent(statement.subject, desk.state)
    known = existing(desk, envelope, statement, intent)
    if known is not None:
        return known, None
    name = TransferId(proposal_hash(envelope))
    body = {"transfer": name}
    wallet = desk.state.wallets.get(intent.wallet)

    def fold_first() -> None:
        desk.sequencer.history.try_entry(new_entry("transfer.proposed", desk.sequencer.next_time(), body, [envelope]))

    if wallet is not None and not planner.prepared(wallet, intent):
        fold_first()  # what the fold refuses is refused before any node is asked
        try:
            await planner.prepare(wallet, intent)
        except Unreachable as error:
            desk.say(f"{wallet.chain}: {error.message}")
        known = existing(desk, envelope, statement, intent)
        if known is not None:
            return known, None
    funded = wallet is not None and planner.prepared(wallet, intent)
    if funded and wallet is not None:
        try:
            planner.require_funds(wallet, intent, None, 0)
        except Refused:
            fold_first()  # a denial says more than an empty wallet
            await planner.look_for_funds(wallet, intent)
            known = existing(desk, envelope, statement, intent)
            if known is not None:
                return known, None
    index = desk.sequencer.submit("transfer.proposed", body, [envelope])
    desk.timeline.event(name, "proposed", f"by {statement.person}")
    if funded and isinstance(standing(desk.state, desk.state.transfers[name], desk.moment), Ready):
        try:
            planner.authorize(name)
            note_authorized(desk, name)
        except StrongroomError as error:
            desk.say(f"transfer {name[:12]} is not authorized yet: {error.code}")
    return name, index


def existing(desk: Desk, envelope: Envelope, statement: Statement, intent: Intent) -> TransferId | None:
    """The transfer that the same person opened with the same idempotency key; raises intent.idempotency_conflict."""
    state = desk.state
    name = TransferId(proposal_hash(envelope))
    if name in state.transfers:
        return name
    used = opened_before(state, statement.person, intent.idempotency)
    if used is None:
        return None
    proposed(state, envelope, desk.sequencer.next_time())
    if desk.archive.find(state, used).intent != intent:
        raise Refused(
            "intent.idempotency_conflict",
            f"the idempotency key '{intent.idempotency[:64]}' was used for another intent, transfer {used[:12]}",
            "repeat the first intent exactly, or use a new key",
        )
    return used
