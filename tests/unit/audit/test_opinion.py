"""The auditor's second opinion on a whole log: silent where the fold is right, and loud where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from strongroom.audit import opinion
from strongroom.audit.finding import AuditFailed
from strongroom.audit.opinion import SecondOpinion
from strongroom.audit.verify import verify_bundle
from strongroom.custody import decision, transfers
from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY, TransferId
from strongroom.errors import Refused
from tests.operations import DEPOSIT, ROUTER, approve, call, letter, with_operations
from tests.unit.audit.test_verify import bundle_of
from tests.workspace import ETH, TOKEN, WEI, Workspace

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


def test_other_obligations_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    home = lived_in()
    decide = opinion.decide
    monkeypatch.setattr(opinion, "decide", lambda *given: replace(decide(*given), obligations={}))
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
