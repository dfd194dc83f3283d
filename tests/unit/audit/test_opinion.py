"""The auditor's second opinion on a whole log: silent where the fold is right, and loud where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.audit import opinion
from strongroom.audit.finding import AuditFailed
from strongroom.audit.opinion import SecondOpinion
from strongroom.audit.second.rules import Opinion
from strongroom.audit.verify import verify_bundle
from strongroom.custody import decision, transfers
from strongroom.custody.fold import apply
from strongroom.custody.limits import usage
from strongroom.custody.moment import Moment
from strongroom.custody.state import EMPTY, TransferId
from strongroom.errors import Refused, StrongroomError
from strongroom.policy.evaluate import Allowed, Window
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Per
from tests.operations import DEPOSIT, ROUTER, approve, call, letter, with_operations
from tests.unit.audit.test_verify import bundle_of
from tests.workspace import ETH, OTHER, PAYEE, TOKEN, WEI, Workspace

CENT = 10**9  # a price of a hundredth of the unit of account


def house(*limits: dict[str, Any]) -> Workspace:
    """A policy of the second fold rules with prices, under further limits."""
    document = with_operations(Workspace().policy_document())
    valuation = {"unit": "USD", "decimals": 2, "group": "treasury", "threshold": 1, "max_age": 3600}
    return Workspace(policy={**document, "valuation": valuation, "limits": [*document["limits"], *limits]}).ready()


def state(home: Workspace, **prices: int) -> None:
    """Prices of a whole ETH and LUSD, in cents."""
    home.time += 1000
    table = {{"eth": ETH, "lusd": TOKEN}[name]: str(cents * CENT) for name, cents in prices.items()}
    body = {"prices": table, "observed": home.time}
    home.granted("valuation.stated", "valuation.state", body, ["alice"])


def follow(home: Workspace) -> SecondOpinion:
    """The log folded once more, with the second opinion beside it."""
    second, before = SecondOpinion(), EMPTY
    for entry in home.entries:
        after = apply(before, entry)
        second.take(entry, before, after)
        before = after
    return second


def refused(home: Workspace) -> str:
    with pytest.raises(Refused) as caught:
        follow(home)
    assert caught.value.code == "policy.evaluators_differ"
    return caught.value.message


BY_VALUE = {"name": "a day's value", "seconds": 86400, "per": "initiator", "max_value": "400000"}


def lived_in() -> Workspace:
    """Payments, a call, an allowance and a message under prices that change; a payload made dearer."""
    home = house(BY_VALUE)
    state(home, eth=200_000, lusd=100)
    home.authorize(paid := home.propose())
    home.authorize(home.propose(asset=TOKEN, amount="2500000"))
    state(home, eth=210_000, lusd=100)
    home.authorize(home.propose(call=approve()))
    home.authorize(home.propose(call=call(ROUTER, DEPOSIT, home.state.wallets["hot-eth"].address, "7")))
    home.authorize(home.propose(message=letter()))
    home.add("transfer.replaced", {"transfer": paid, "payload": home.payload(paid, max_fee=9 * 10**9).hex()})
    return home


def test_a_log_that_was_decided_rightly_is_decided_alike() -> None:
    home = lived_in()
    debits = follow(home)._book.history.debits
    assert [debit.value for debit in debits] == [100_000, 250, 500, 0, 0, 0]
    assert len(debits) == len(home.state.debits)
    fees = (21_000 * 3 * 10**9, 21_000 * 9 * 10**9)
    assert (debits[0].fee, debits[-1].fee, debits[-1].amount) == (fees[0], fees[1] - fees[0], 0)
    assert debits[-1].fee_value == -(-debits[-1].fee * 200_000 * CENT // 10**27)  # by the prices of its authorization


def test_the_first_prices_value_what_was_authorized_before() -> None:
    home = house()
    home.authorize(home.propose())
    state(home, eth=200_000)
    assert [debit.value for debit in follow(home)._book.history.debits] == [100_000]


def test_a_fold_that_forgets_its_limits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "exceeded", lambda *_: None)
    home = house({**BY_VALUE, "max_value": "100000"})
    state(home, eth=200_000)
    home.authorize(home.propose())
    assert "limit.exceeded" in refused(home)


def test_a_fold_that_takes_another_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    home = house()
    evaluate = decision.evaluate

    def generous(policy: Any, request: Any, used: Any) -> Any:
        return evaluate(policy, replace(request, amount=1), used)

    monkeypatch.setattr(decision, "evaluate", generous)
    home.authorize(home.propose(amount=str(2 * WEI)))
    assert "policy.no_rule" in refused(home)


def test_a_fold_that_counts_approvals_wrongly_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = decision.missing
    home = house()
    name = home.propose(by="alice", amount=str(5 * WEI))
    owed = decision.verdict(home.state, home.state.transfers[name], Moment.at(home.time))
    assert isinstance(owed, Allowed)
    home.approve(name, "bob", owed.obligations.digest)
    monkeypatch.setattr(decision, "missing", lambda terms, people, groups: missing(terms, [*people, "carol"], groups))
    home.authorize(name)
    assert "approvals.missing" in refused(home)


def test_other_obligations_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    home = lived_in()
    decide = opinion.decide

    def stricter(*given: Any) -> Opinion:
        found = decide(*given)
        return replace(found, obligations={**(found.obligations or {}), "expiry": 1})

    monkeypatch.setattr(opinion, "decide", stricter)
    assert "small ETH" in refused(home)


def test_the_audit_of_a_bundle_names_the_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, bundle = lived_in(), tmp_path / "log.bundle"
    bundle.write_bytes(bundle_of(home))
    verify_bundle(bundle)
    decide = opinion.decide
    monkeypatch.setattr(opinion, "decide", lambda *given: replace(decide(*given), limit="limit.exceeded"))
    with pytest.raises(AuditFailed) as caught:
        verify_bundle(bundle)
    first = next(at for at, entry in enumerate(home.entries) if entry.kind == "transfer.authorized")
    assert (caught.value.code, caught.value.place.index) == ("policy.evaluators_differ", first)
    assert home.state.transfers[TransferId(home.entries[first].body["transfer"])].authorization


def live(home: Workspace, draw: st.DataObject) -> None:
    """One thing that happens to a workspace, or that the fold refuses: then nothing has happened."""
    number = draw.draw(st.integers(1, 9))
    home.time += draw.draw(st.sampled_from((0, 1, 999, 20_000, 20_000, 300_000, 4_000_000)))
    operations = (
        {"amount": str(number * WEI // 10), "to": draw.draw(st.sampled_from((PAYEE, OTHER)))},
        {"asset": TOKEN, "amount": str(number * 10**6)},
        {"call": approve(number * 10**6)},
        {"message": letter(text=f"{number} times")},
    )
    open_ones = [name for name, each in home.state.transfers.items() if each.authorization is None]
    paid = [name for name, each in home.state.transfers.items() if each.authorization and not each.intent.message]
    match draw.draw(st.sampled_from(("pay", "pay", "pay", "late", "replace", "replace", "state", "state", "adopt"))):
        case "pay":
            home.authorize(home.propose(**draw.draw(st.sampled_from(operations))))
        case "late" if open_ones:
            home.authorize(draw.draw(st.sampled_from(open_ones)))
        case "replace" if paid:
            name = draw.draw(st.sampled_from(paid))
            null = {"to": home.state.wallets["hot-eth"].address, "value": 0, "data": b""}
            raw = home.payload(name, max_fee=number * 10**10, **draw.draw(st.sampled_from(({}, null))))
            home.add("transfer.replaced", {"transfer": name, "payload": raw.hex()})
        case "state":
            state(home, **draw.draw(st.sampled_from(({"eth": 1000 * number, "lusd": 3}, {"eth": number}, {"lusd": 7}))))
        case "adopt":
            adopt(home, number)


def adopt(home: Workspace, number: int) -> None:
    """A next version with another limit on amounts, values or a tier."""
    document = home.next_policy()
    seconds = (1, 60, 3600, 86_400)[number % 4]
    document["limits"][-1:] = [
        {"name": f"by {per}", "seconds": seconds, "per": per, "max_value": str(number * 10**6)}
        for per in ("initiator", "source", "destination", "asset")[: number % 5]
    ] or [{"name": "of LUSD", "asset": TOKEN, "seconds": seconds, "per": "destination", "max": str(number * 10**7)}]
    document["tiers"]["hot"]["ceiling"] = {"seconds": seconds, "out": str(number * 10**6), "in": "5"}
    people = ("alice", "bob")
    subject = {"policy": load_policy(document).digest, "version": document["version"]}
    evidence = [home.statement(person, "policy.propose", subject) for person in people]
    home.add("policy.proposed", {"policy": document}, evidence)
    if home.state.proposal is not None:
        home.add("policy.adopted", {"version": document["version"]}, later=3_600_000)


def sum_of(second: SecondOpinion, window: Window, time: int) -> int:
    shape, subject = window.shape, window.subject
    kinds = {Per.OUT_OF_TIER: ("out",), Per.INTO_TIER: ("in",)}
    if shape.fees_only:
        kind: tuple[str, ...] = ("fees", shape.asset)
    elif shape.values:
        kind = kinds.get(shape.per, ("values", shape.per.value))
    else:
        kind = ("amounts", shape.per.value, shape.asset)
    return second._book.history.total(kind, subject, shape.seconds, time)


@given(st.data())
@settings(max_examples=30)
def test_whatever_happens_both_keep_the_same_sums_and_never_differ(data: st.DataObject) -> None:
    home = house(BY_VALUE)
    for _ in range(data.draw(st.integers(1, 25))):
        try:
            live(home, data)
        except StrongroomError:
            continue
    second, used = follow(home), usage(home.state, home.state.time)
    told = {window: sum_of(second, window, home.state.time) for window in home.state.windows}
    assert told == {window: used(window) for window in home.state.windows}
