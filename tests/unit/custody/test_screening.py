"""Screenings: whose word counts, how long, and that no older word takes back what was flagged since."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.custody.decision import Awaiting, Ready, Standing, standing
from strongroom.custody.moment import Moment
from strongroom.custody.permission import may_sign
from strongroom.custody.state import TransferId
from strongroom.policy.evaluate import Denied
from tests.unit.custody.conftest import Refusal
from tests.workspace import TOKEN, Workspace


@pytest.fixture
def home() -> Workspace:
    """A workspace whose people may pay LUSD that `screener` or `oracle-3` has found clear."""
    home = Workspace()
    home.policy = home.second_fold()
    home.policy["rules"][-1]["allow"]["screening"]["services"] = ["screener", "oracle-3"]
    home.ready().state_prices()
    return home


def paying(home: Workspace, **changes: Any) -> TransferId:
    return home.propose(by="alice", asset=TOKEN, amount="5000000", **changes)


def stands(home: Workspace, name: TransferId) -> Standing:
    return standing(home.state, home.state.transfers[name], Moment.at(home.time))


def test_attack_29_without_a_screening_nothing_is_authorized(home: Workspace, refusal: Refusal) -> None:
    name = paying(home)
    waiting = stands(home, name)
    assert isinstance(waiting, Awaiting) and waiting.screening == ("screener", "oracle-3") and not waiting.approvals
    assert refusal(home.authorize, name) == "screening.not_signed"
    home.screen(name)
    assert isinstance(stands(home, name), Ready)
    home.authorize(name)


def test_attack_29_a_forged_screening_is_nobody_s(home: Workspace, refusal: Refusal) -> None:
    name = paying(home)
    for other in ("oracle-1", "exchange", "alice", "coordinator", "signer-1"):
        assert refusal(home.screen, name, by=other) == "screening.not_signed"
    body = {"transfer": name, "result": "clear", "reference": ""}
    assert refusal(home.add, "transfer.screened", body) == "screening.not_signed"
    home.keys["screener"] = home.keys["alice"]
    assert refusal(home.screen, name) == "screening.not_signed"


def test_attack_29_a_screening_is_about_one_intent_and_says_one_thing(home: Workspace, refusal: Refusal) -> None:
    name, other = paying(home), paying(home, idempotency="other")
    body = {"transfer": name, "result": "clear", "reference": ""}
    for changes in ({"transfer": other}, {"result": "flagged"}, {"reference": "x"}):
        word = home.statement("screener", "transfer.screen", {**body, **changes})
        assert refusal(home.add, "transfer.screened", body, [word]) == "screening.other_intent"
    approval = home.statement("screener", "transfer.approve", body)
    assert refusal(home.add, "transfer.screened", body, [approval]) == "statement.wrong_kind"
    assert refusal(home.screen, name, "fine") == "screening.result"
    assert refusal(home.screen, "00" * 32) == "transfer.unknown"
    bad = {**body, "reference": "a\u202eb"}
    word = home.statement("screener", "transfer.screen", bad)
    assert refusal(home.add, "transfer.screened", bad, [word]) == "label.control"


def test_a_screening_holds_for_so_long_before_the_authorization_and_for_ever_after(
    home: Workspace, refusal: Refusal
) -> None:
    name = paying(home)
    home.screen(name)
    home.time += 600_001
    assert refusal(home.authorize, name) == "screening.not_signed"
    home.screen(name)
    home.time += 600_000
    ahead = Moment.at(home.time, home.time + 1)
    assert isinstance(standing(home.state, home.state.transfers[name], ahead), Awaiting), "old by the own clock"
    home.authorize(name)
    home.time += 600_000
    digest = home.state.transfers[name].payloads[0].digest
    assert may_sign(home.state, name, digest, home.time + 600_000)


def test_what_anybody_flags_is_denied_until_they_clear_it(home: Workspace, refusal: Refusal) -> None:
    name = paying(home)
    home.screen(name)
    home.screen(name, "flagged", by="oracle-3")
    denied = stands(home, name)
    assert isinstance(denied, Denied) and denied.code == "screening.flagged" and "oracle-3" in denied.reason
    assert refusal(home.authorize, name) == "screening.flagged"
    home.screen(name)
    assert refusal(home.authorize, name) == "screening.flagged", "another service's word does not lift it"
    home.screen(name, by="oracle-3")
    assert len(home.state.transfers[name].screenings) == 2, "the newest word of each"
    home.authorize(name)


def test_attack_29_an_older_clear_word_does_not_take_back_what_was_flagged(home: Workspace, refusal: Refusal) -> None:
    name = paying(home)
    body = {"transfer": name, "result": "clear", "reference": "kept back"}
    kept = home.statement("screener", "transfer.screen", body)
    home.screen(name, "flagged")
    assert refusal(home.add, "transfer.screened", body, [kept]) == "statement.before_stop"
    flagged = {**body, "result": "flagged"}
    home.add("transfer.screened", flagged, [home.statement("screener", "transfer.screen", flagged)])
    home.screen(name)
    home.authorize(name)


def test_what_is_flagged_after_its_authorization_leaves_the_null_replacement(home: Workspace, refusal: Refusal) -> None:
    name = paying(home)
    home.screen(name)
    home.authorize(name)
    digest = home.state.transfers[name].payloads[0].digest
    home.screen(name, "flagged")
    assert refusal(may_sign, home.state, name, digest, home.time) == "screening.flagged"
    wallet = home.state.wallets["hot-eth"].address
    raw = home.payload(name, to=wallet, value=0, data=b"", gas=21000, max_fee=12 * 10**9)
    home.add("transfer.replaced", {"transfer": name, "payload": raw.hex()})
    assert home.state.transfers[name].payloads[1].null


@pytest.mark.parametrize("stop", ["suspended", "revoked"])
def test_the_clear_word_of_whom_nobody_trusts_any_more_does_not_count(home: Workspace, stop: str) -> None:
    name = paying(home)
    home.screen(name)
    if stop == "suspended":
        home.stopped("person.suspended", "person.suspend", {"person": "screener"}, ["alice"])
    else:
        home.stopped("key.revoked", "key.revoke", {"key": home.keys["screener"].key_id}, ["alice"])
    assert isinstance(stands(home, name), Awaiting)
    home.screen(name, by="oracle-3")
    assert isinstance(stands(home, name), Ready)
