"""Every authorization of the log decided by the second evaluator as well, on sums that it keeps by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from strongroom.audit.second.book import Book
from strongroom.audit.second.facts import Facts, Own, Prices, Row
from strongroom.audit.second.history import Debit
from strongroom.audit.second.owed import Approval, Record, Screened, lacking
from strongroom.audit.second.rules import decide
from strongroom.custody.authority import in_force
from strongroom.custody.decision import verdict
from strongroom.custody.intents import wanted
from strongroom.custody.limits import usage
from strongroom.custody.moment import Moment
from strongroom.custody.record import replace
from strongroom.custody.state import CustodyState, Intent, Transfer, TransferId
from strongroom.documents.canonical import parse
from strongroom.documents.names import AccountId
from strongroom.errors import Refused
from strongroom.log.entry import Entry
from strongroom.policy.evaluate import Denied

_CODE: Final = "policy.evaluators_differ"


class SecondOpinion:
    """Follows the log beside the fold, and objects where the two evaluators differ."""

    def __init__(self) -> None:
        self._book = Book()
        self._open: dict[TransferId, tuple[Debit, Prices | None]] = {}

    def take(self, entry: Entry, before: CustodyState, after: CustodyState) -> None:
        """One entry that the fold has taken; raises Refused policy.evaluators_differ."""
        match entry.kind:
            case "valuation.stated":
                prices = {asset: int(price) for asset, price in entry.body["prices"].items()}
                view = _View(before)
                self._book.state(_document(before), Prices(prices, entry.body["observed"]), view.own)
            case "transfer.authorized":
                self._authorized(entry, before, after.transfers[entry.body["transfer"]])
            case "transfer.replaced":
                self._replaced(entry, before.transfers[entry.body["transfer"]], after)
            case "state.sealed":  # what has left the state is replaced no more
                self._open = {name: debit for name, debit in self._open.items() if name in after.transfers}

    def _authorized(self, entry: Entry, before: CustodyState, transfer: Transfer) -> None:
        policy, view, fee = _document(before), _View(before), transfer.payloads[0].fee
        intent, time = transfer.intent, entry.time
        facts = Facts(
            _stated(intent), transfer.initiator, view.wallet(intent.wallet), time, time, fee, view.own, view.rows,
            self._book.prices,
        )  # fmt: skip
        opinion = decide(policy, facts, self._book.history)
        denied = opinion.code or opinion.limit or lacking(policy, facts, opinion, _record(before, transfer))
        if denied:
            raise Refused(_CODE, f"the second evaluator denies what was authorized: {denied}")
        asked = replace(transfer, authorization=None)
        first = verdict(before, asked, Moment.at(time), usage(before, time))
        if isinstance(first, Denied) or first.obligations.to_doc() != opinion.obligations:
            reason = f"the second evaluator finds other obligations, by rule '{opinion.rule}'"
            raise Refused(_CODE, reason)
        if opinion.debit is not None:
            self._book.history.add(opinion.debit)
            self._open[transfer.id] = opinion.debit, self._book.prices

    def _replaced(self, entry: Entry, transfer: Transfer, after: CustodyState) -> None:
        paid = max(payload.fee for payload in transfer.payloads)
        dearer = after.transfers[transfer.id].payloads[-1].fee - paid
        if dearer > 0:
            debit, prices = self._open[transfer.id]
            self._book.pay_more(_document(after), debit, prices, entry.time, dearer)


def _document(state: CustodyState) -> Any:
    return in_force(state).document


def _stated(intent: Intent) -> dict[str, Any]:
    """The operation as the initiator's statement says it."""
    if intent.message:
        return {"message": parse(intent.message)}
    if intent.call is None:
        return {"to": intent.to, "asset": intent.asset, "amount": str(intent.amount)}
    call = intent.call
    return {"call": {"to": call.contract, "value": str(wanted(intent).value), "data": call.data.hex()}}


def _record(state: CustodyState, transfer: Transfer) -> Record:
    """What the log holds of a transfer, and of the stops upon those who spoke."""

    def stopped(name: str, key: str) -> bool:
        return name in state.suspended or key in state.revoked

    approvals = [Approval(each.person, each.key, each.obligations, each.time) for each in transfer.approvals]
    screenings = [Screened(each.service, each.key, each.clear, each.time) for each in transfer.screenings]
    return Record(transfer.proposed, approvals, screenings, stopped)


class _View:
    """What a state knows of wallets and lists, for the second evaluator."""

    def __init__(self, state: CustodyState) -> None:
        self._state, self._lists = state, tuple(in_force(state).address_groups)

    def wallet(self, name: str) -> Own:
        found = self._state.wallets[name]
        account = f"{found.chain}:{found.address}"
        return Own(name, found.chain, account, found.tier, found.key, found.usable, found.closed)

    def own(self, account: str) -> Own | None:
        name = self._state.accounts.get(AccountId(account))
        return None if name is None else self.wallet(name)

    def rows(self, account: str) -> Iterator[Row]:
        for name in self._lists:
            row = self._state.addresses.get((AccountId(account), name))
            if row is not None:
                yield Row(name, row.usable, row.tags)
