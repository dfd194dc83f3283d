"""What a draft of the policy would have decided: the past transfers whose verdict or obligations change under it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from immutables import Map

from strongroom.custody.authority import in_force
from strongroom.custody.decision import request_of, verdict
from strongroom.custody.ledger import Ledger
from strongroom.custody.limits import Debit, debit, revalued, usage
from strongroom.custody.moment import Moment
from strongroom.custody.state import CustodyState, Rolling, Transfer, TransferId
from strongroom.custody.transfers import opened
from strongroom.documents.request import REQUEST_TYPE
from strongroom.errors import StrongroomError
from strongroom.log.entry import Entry
from strongroom.policy.evaluate import Allowed, Denied, Verdict, Window, evaluate, exceeded
from strongroom.policy.model import Policy

PROPOSED: Final = "proposed"
AUTHORIZED: Final = "authorized"


@dataclass(frozen=True, slots=True)
class Change:
    """A transfer that the draft decides otherwise: when (`proposed`, `authorized`), what was said, what it says."""

    transfer: Transfer
    at: str
    old: Verdict
    new: Verdict


class Replay:
    """The draft as though it had been in force from the first entry on: what it denies consumes nothing of its limits.

    It is fed by the replay of a log, entry by entry. Whoever proposed is taken to hold the key that the draft lists.
    """

    def __init__(self, draft: Policy) -> None:
        self._draft, self._denied = draft, set[TransferId]()
        self._windows, self._debits = Map[Window, Rolling](), Ledger()
        self._found: dict[TransferId, Change] = {}
        self.transfers = 0

    @property
    def changes(self) -> tuple[Change, ...]:
        """In the order in which the transfers were proposed."""
        return tuple(self._found.values())

    def take(self, before: CustodyState, entry: Entry, after: CustodyState) -> None:
        """The next entry, with the states around it."""
        match entry.kind:
            case "transfer.proposed":
                requested = entry.evidence[0].payload_type == REQUEST_TYPE
                self._proposed(before, after.transfers[entry.body["transfer"]], requested=requested)
            case "transfer.authorized":
                self._authorized(before, after.transfers[entry.body["transfer"]], entry.time)
                self._spent(before, entry, after)
            case "transfer.replaced":
                self._spent(before, entry, after)
            case "valuation.stated" if before.prices is None and after.prices is not None:
                self._keep(revalued(self._drafted(before), self._draft, after.prices))

    def _drafted(self, state: CustodyState) -> CustodyState:
        return replace(state, policy=self._draft, windows=self._windows, debits=self._debits)

    def _keep(self, state: CustodyState) -> None:
        self._windows, self._debits = state.windows, state.debits

    def _proposed(self, before: CustodyState, transfer: Transfer, *, requested: bool) -> None:
        self.transfers += 1
        member = self._draft.members.get(transfer.initiator)
        key = next(iter(member.credentials)) if member else transfer.key
        new = _opening(self._drafted(before), replace(transfer, key=key))
        tier = self._draft.tiers.get(before.wallets[transfer.intent.wallet].tier)
        if requested and isinstance(new, Allowed) and tier and not tier.requests:
            new = Denied("request.tier", "from this tier transfers are proposed by statements only")
        if isinstance(new, Denied):
            self._denied.add(transfer.id)
        self._compare(transfer, PROPOSED, _opening(before, transfer), new)

    def _authorized(self, before: CustodyState, transfer: Transfer, time: int) -> None:
        if transfer.id in self._denied:
            return
        new = _binding(self._drafted(before), transfer, time)
        if isinstance(new, Denied):
            self._denied.add(transfer.id)
        self._compare(transfer, AUTHORIZED, _binding(before, transfer, time), new)

    def _spent(self, before: CustodyState, entry: Entry, after: CustodyState) -> None:
        if entry.body["transfer"] not in self._denied and len(after.debits) > len(before.debits):
            newest = Debit.of(next(after.debits.backwards(len(after.debits))))
            self._keep(debit(self._drafted(before), entry.time, newest.request))

    def _compare(self, transfer: Transfer, at: str, old: Verdict, new: Verdict) -> None:
        """The first difference stands, unless the draft denies later what it would have let in on other terms."""
        if _meaning(old) != _meaning(new) and (transfer.id not in self._found or isinstance(new, Denied)):
            self._found[transfer.id] = Change(transfer, at, old, new)


def _opening(state: CustodyState, transfer: Transfer) -> Verdict:
    """What the fold says to the proposal."""
    if state.wallets[transfer.intent.wallet].chain not in in_force(state).chains:
        return Denied("policy.in_use", f"the policy does not name the chain of wallet '{transfer.intent.wallet}'")
    try:
        opened(state, transfer)
    except StrongroomError as refused:
        return Denied(refused.code, refused.message)
    return verdict(state, transfer, Moment.at(transfer.proposed), usage(state, transfer.proposed))


def _binding(state: CustodyState, transfer: Transfer, time: int) -> Verdict:
    """What rules and limits say to the first payload, its worst-case fee included."""
    policy, used, fee = in_force(state), usage(state, time), transfer.payloads[0].fee
    request = request_of(state, transfer.intent, transfer.initiator, Moment.at(time), fee)
    answer = evaluate(policy, request, used)
    return answer if isinstance(answer, Denied) else exceeded(policy, request, used) or answer


def _meaning(answer: Verdict) -> object:
    """What counts of a verdict: that it denies, or the rule with its terms, however they are written down."""
    if isinstance(answer, Denied):
        return None
    return answer.obligations.rule, replace(answer.obligations.terms, fold=0)
