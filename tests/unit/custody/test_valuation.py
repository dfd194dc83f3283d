"""Prices: whose word they are, how long they hold, and what was authorized by them or before them."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.custody.decision import Ready, standing
from strongroom.custody.digest import state_digest
from strongroom.custody.limits import usage
from strongroom.custody.moment import Moment
from strongroom.custody.permission import may_sign
from strongroom.custody.snapshot import read, write
from strongroom.custody.state import TransferId
from strongroom.documents.amount import MAX_AMOUNT
from strongroom.policy.evaluate import Denied, Window
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Per, WindowShape
from tests.unit.custody.conftest import Refusal
from tests.workspace import CHAIN, ETH, PAYEE, TOKEN, Workspace

FEE = 21000 * 3 * 10**9
OUT = Window(WindowShape.of_values(86400, Per.OUT_OF_TIER), "hot")


def adopt(home: Workspace, **changes: Any) -> None:
    """The next version of the policy, once its cool-down has passed."""
    assert home.state.policy
    document = {**home.state.policy.document, "version": home.state.policy.version + 1, **changes}
    subject = {"policy": load_policy(document).digest, "version": document["version"]}
    evidence = [home.statement(person, "policy.propose", subject) for person in ("alice", "bob")]
    home.add("policy.proposed", {"policy": document}, evidence)
    if home.state.proposal:
        home.add("policy.adopted", {"version": document["version"]}, later=3_600_000)


def used(home: Workspace) -> int:
    """The sum of values that has left the hot tier in a day."""
    return usage(home.state, home.time)(OUT)


def house(ceiling: dict[str, Any] | None = None, value: str = "") -> Workspace:
    """A workspace of fold rules 2, without prices yet; `value`: the most that the small rule lets pay at a time."""
    home = Workspace()
    home.policy = home.second_fold()
    if value:
        home.policy["rules"][0]["when"]["value"] = {"max": value}
    if ceiling is not None:
        home.policy["tiers"]["hot"]["ceiling"] = {"seconds": 86400, "out": None, "in": None, **ceiling}
    return home.ready()


@pytest.fixture
def home() -> Workspace:
    return house()


def test_prices_are_the_word_of_their_quorum(home: Workspace, refusal: Refusal) -> None:
    assert refusal(home.state_prices, ["oracle-1"]) == "authority.threshold"
    assert refusal(home.state_prices, ["oracle-1", "alice"]) == "authority.threshold"
    assert refusal(home.state_prices, ["oracle-1", "coordinator"]) == "authority.threshold"
    assert refusal(home.state_prices, ["oracle-1", "oracle-1"]) == "approval.person_already_counted"
    assert refusal(home.state_prices, []) == "evidence.count"
    home.state_prices(["oracle-1", "oracle-3"])
    assert home.state.prices and dict(home.state.prices.table) == {ETH: 2 * 10**14, TOKEN: 9 * 10**10}


def test_where_the_policy_has_no_valuation_nobody_states_prices() -> None:
    home = Workspace()
    home.second_fold()
    home.ready()
    with pytest.raises(Exception, match=r"valuation\.unknown"):
        home.state_prices(["alice", "bob"])


def test_older_prices_and_those_of_the_future_are_refused(home: Workspace, refusal: Refusal) -> None:
    body = {"prices": {ETH: "1"}, "observed": home.time}
    old = [home.statement(name, "valuation.state", body) for name in ("oracle-1", "oracle-2")]
    home.time += 1
    home.state_prices()
    assert refusal(home.add, "valuation.stated", body, old) == "valuation.not_newer"
    assert refusal(home.state_prices) == "valuation.not_newer", "the same again"
    later = {"prices": {ETH: "1"}, "observed": home.time + 1}
    people = ("oracle-1", "oracle-2")
    assert refusal(home.granted, "valuation.stated", "valuation.state", later, people) == "valuation.not_newer"


@pytest.mark.parametrize(
    ("prices", "code"),
    [({"ETH": "1.5"}, "amount.syntax"), ({"ETH": "-1"}, "amount.syntax"), ({"ETH": 1}, "amount.syntax")],
)
def test_a_price_is_written_as_an_amount(home: Workspace, refusal: Refusal, prices: dict[str, str], code: str) -> None:
    assert refusal(home.state_prices, **prices) == code


def test_attack_26_missing_or_stale_prices_deny(home: Workspace, refusal: Refusal) -> None:
    assert refusal(home.propose) == "valuation.missing"
    home.state_prices(LUSD="90000000000")
    assert refusal(home.propose) == "valuation.missing", "the newest entry counts, whole"
    home.time += 1
    home.state_prices(ETH="0", LUSD="90000000000")
    assert refusal(home.propose) == "valuation.missing", "zero is no price"
    home.time += 1
    home.state_prices()
    home.time += 3_600_000
    late = home.propose()
    home.time += 1
    assert refusal(home.propose, idempotency="another") == "valuation.stale"
    assert refusal(home.authorize, late) == "valuation.stale"


def test_prices_go_stale_by_the_own_clock_too() -> None:
    home = house(value="100000")
    home.state_prices()
    name = home.propose(until=home.time + 80_000_000)
    transfer = home.state.transfers[name]
    assert isinstance(standing(home.state, transfer, Moment.at(home.time, home.time + 3_600_000)), Ready)
    stale = standing(home.state, transfer, Moment.at(home.time, home.time + 3_600_001))
    assert isinstance(stale, Denied) and stale.code == "valuation.stale"


def test_a_value_is_rounded_up_amount_and_fee_each_by_itself(home: Workspace) -> None:
    home.state_prices()
    home.authorize(home.propose(amount="1"))
    fee = -(-FEE * 2 * 10**14 // 10**27)
    assert used(home) == 1 + fee
    home.authorize(home.propose(asset=TOKEN, amount="1"))
    dear = -(-80000 * 3 * 10**9 * 2 * 10**14 // 10**27)
    assert used(home) == 2 + fee + dear


def test_a_ceiling_is_consumed_at_authorization() -> None:
    home = house({"out": "200030"})
    home.state_prices()
    names = [home.propose(idempotency=str(number)) for number in range(3)]
    for name in names[:2]:
        home.authorize(name)
    assert used(home) == 2 * (100_000 + 13)
    with pytest.raises(Exception, match=r"ceiling\.exceeded"):
        home.authorize(names[2])


def test_what_was_authorized_keeps_the_value_that_it_had(home: Workspace) -> None:
    home.state_prices()
    home.authorize(home.propose())
    before = used(home)
    home.time += 1
    home.state_prices(ETH="900000000000000000")
    assert used(home) == before
    home.time += 86_400_000 + 86_400_000 // 64
    assert used(home) == 0


def test_the_first_prices_value_what_was_authorized_before_them() -> None:
    home = house({})
    for number in range(300):  # more than a page of the ledger
        home.authorize(home.propose(amount="5", idempotency=str(number)))
    home.authorize(home.propose(asset=TOKEN, amount="5000000"))
    assert home.state.debits.pages and used(home) == 0
    home.state_prices(ETH="200000000000000")
    ceiling = {"seconds": 86400, "out": "10000000", "in": None}
    adopt(home, tiers={"hot": {**home.policy["tiers"]["hot"], "ceiling": ceiling}})
    fees = 300 * 13 + 48
    assert used(home) == 300 + MAX_AMOUNT + fees, "LUSD has no price: worth more than any ceiling allows"
    home.time += 1
    home.state_prices()
    assert used(home) == 300 + MAX_AMOUNT + fees, "and keeps that value"
    pages = {page.name: page.packed for page in (*home.state.proposals.rows.pages, *home.state.debits.pages)}
    assert read(write(home.state), state_digest(home.state), pages.__getitem__) == home.state


def test_what_comes_into_a_tier_counts_from_other_tiers_only() -> None:
    home = house({"in": "0"})
    home.open("second", path=(1,))
    home.authorize(home.propose(to=f"{CHAIN}:{home.state.wallets['second'].address}"))


def test_once_authorized_prices_do_not_go_stale_any_more(home: Workspace) -> None:
    home.state_prices()
    name = home.propose(until=home.time + 80_000_000)
    home.authorize(name)
    home.time += 7_200_000
    payload = home.payload(name, max_fee=4 * 10**9)
    home.add("transfer.replaced", {"transfer": name, "payload": payload.hex()})
    digest = home.state.transfers[TransferId(name)].payloads[1].digest
    assert may_sign(home.state, name, digest, home.time).raw == payload
    assert used(home) == 100_000 + 13 + 5, "the dearer fee counts by the prices of then: what is more of it"


def test_a_rule_s_own_bound_on_values_holds_by_the_prices_of_the_authorization() -> None:
    home = house(value="100000")
    home.state_prices()
    name = home.propose()
    home.authorize(name)
    digest = home.state.transfers[name].payloads[0].digest
    home.time += 1
    home.state_prices(ETH="200000000000001")
    assert may_sign(home.state, name, digest, home.time)
    with pytest.raises(Exception, match=r"policy\.no_rule"):
        home.propose(to=PAYEE, idempotency="too dear by now")


@pytest.mark.parametrize(("field", "value"), [("unit", "USD"), ("decimals", 3), (None, None)])
def test_sums_of_values_stay_sums_of_one_unit(home: Workspace, field: str | None, value: object) -> None:
    valuation = {**home.policy["valuation"], field: value} if field else None
    bare = {"checkpoint_age": 30, "schemes": home.policy["tiers"]["hot"]["schemes"]}
    document = {**home.policy, "version": 2, "tiers": {"hot": bare}, "valuation": valuation}
    if valuation is None:
        del document["valuation"]
    subject = {"policy": load_policy(document).digest, "version": 2}
    evidence = [home.statement(person, "policy.propose", subject) for person in ("alice", "bob")]
    with pytest.raises(Exception, match=r"policy\.in_use"):
        home.add("policy.proposed", {"policy": document}, evidence)
    adopt(home, label="another label")


def test_oracles_are_who_the_policy_in_force_says(home: Workspace) -> None:
    home.state_prices()
    groups = {**home.policy["groups"], "oracles": ["oracle-1", "oracle-2", "screener"]}
    adopt(home, groups=groups)
    home.time += 1
    with pytest.raises(Exception, match=r"authority\.threshold"):
        home.state_prices(["oracle-1", "oracle-3"])
    home.state_prices(["oracle-1", "screener"])
