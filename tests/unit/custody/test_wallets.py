"""Wallets re-derive from logged keys and list every route; destinations are listed once, by their group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.custody.decision import verdict
from strongroom.custody.moment import Moment
from strongroom.custody.state import TransferId
from strongroom.errors import StrongroomError
from strongroom.policy.evaluate import Allowed
from tests.unit.custody.conftest import Refusal
from tests.unit.custody.test_generation import generate
from tests.workspace import CHAIN, OTHER, PAYEE, TOKEN, Workspace

WALLET: dict[str, Any] = {
    "name": "second", "chain": CHAIN, "key": "hot-ecdsa", "path": [1], "tier": "hot",
    "routes": [{"route": "key", "key": "hot-ecdsa"}],
}  # fmt: skip


def opened(home: Workspace, people: tuple[str, ...] = ("alice", "bob"), **changes: Any) -> None:
    home.granted("wallet.opened", "wallet.open", {**WALLET, **changes}, people)


def listed(home: Workspace, people: tuple[str, ...] = ("alice",), **changes: Any) -> None:
    body = {"account": OTHER, "group": "vendors", "label": "v", **changes}
    home.granted("address.listed", "address.list", body, people)


def test_what_is_in_order_is_opened_and_listed(home: Workspace) -> None:
    opened(home)
    listed(home)
    assert home.state.wallets["second"].path == (1,) and len(home.state.addresses) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": "none"}, "key.unknown"),
        ({"chain": "eip155:5"}, "chain.unknown"),
        ({"tier": "cold"}, "wallet.tier"),
        ({"routes": []}, "wallet.routes"),
        ({"routes": [{"route": "key", "key": "hot-ecdsa"}, {"route": "module", "key": "x"}]}, "wallet.routes"),
        ({"path": [0, 0, 0, 0, 0, 0]}, "wallet.path"),
        ({"path": [2**31]}, "wallet.path"),
        ({"path": [-1]}, "wallet.path"),
        ({"path": ["1"]}, "wallet.path"),
        ({"name": "hot-eth"}, "wallet.exists"),
        ({"path": []}, "wallet.exists"),
        ({"spare": 1}, "document.unknown_field"),
    ],
)
def test_a_wallet_is_one_key_one_chain_and_all_its_routes(
    home: Workspace, refusal: Refusal, change: dict[str, Any], code: str
) -> None:
    assert refusal(opened, home, **change) == code


def test_a_schnorr_key_holds_no_account(home: Workspace, refusal: Refusal) -> None:
    """The order of checks: nobody asks for the chain code of a key that has none."""
    keys = home.state.keys
    home.state = replace(home.state, keys=keys.set("hot-ecdsa", replace(keys["hot-ecdsa"], scheme="ed25519-frost")))
    assert refusal(opened, home) == "key.scheme"


def test_two_administrators_open(home: Workspace, refusal: Refusal) -> None:
    assert refusal(opened, home, people=("alice",)) == "authority.threshold"
    assert refusal(opened, home, people=()) == "evidence.count"


def test_a_group_lists_an_address_once(home: Workspace, refusal: Refusal) -> None:
    assert refusal(listed, home, group="nobody") == "address.group_unknown"
    assert refusal(listed, home, people=("exchange",)) == "authority.threshold"
    listed(home)
    home.time += 1000
    assert refusal(listed, home, people=("bob",)) == "address.exists"


def test_a_destination_carries_tags_where_the_policy_knows_them(home: Workspace, refusal: Refusal) -> None:
    row = {"account": PAYEE, "group": "vendors", "label": "a bank", "tags": ["bank", "eu"]}
    assert refusal(home.granted, "address.listed", "address.list", row, ["bob"]) == "document.unknown_field"
    home = Workspace()
    home.policy = home.second_fold()
    home.policy["rules"][3]["when"]["destination"] |= {"tags": ["bank"], "listed_for": 30}
    home.ready().state_prices()
    for odd, code in ((["E U"], "slug.syntax"), (["eu", "eu"], "policy.list"), ([1], "policy.list")):
        with pytest.raises(StrongroomError) as caught:
            home.granted("address.listed", "address.list", {**row, "tags": odd}, ["bob"])
        assert caught.value.code == code
    home.granted("address.listed", "address.list", row, ["bob"])
    transfer = {"by": "alice", "asset": TOKEN, "amount": "1"}
    home.time += 89_999
    assert rule_of(home, home.propose(**transfer)) == "screened LUSD", "usable for less than 30 s"
    home.time += 1
    assert rule_of(home, home.propose(**transfer)) == "vendors, after a delay"


def rule_of(home: Workspace, name: TransferId) -> str:
    answer = verdict(home.state, home.state.transfers[name], Moment.at(home.time))
    assert isinstance(answer, Allowed)
    return answer.obligations.rule


def test_a_second_key_opens_a_wallet_of_its_own(home: Workspace) -> None:
    generate(home)
    opened(home, key="hot-2", routes=[{"route": "key", "key": "hot-2"}], path=[7])
    assert home.state.wallets["second"].key == "hot-2"
