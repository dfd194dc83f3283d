"""A policy in words: every part of the vocabulary is said, every figure exact."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.policy.chapters import TITLES, chapters, named, parts
from strongroom.policy.words import approvals, duration, money, sentence, value
from tests.workspace import CHAIN, ETH, PAYEE, TOKEN, TOKEN_CONTRACT, WEI, Workspace

DOCUMENT = Workspace().policy_document()
ASSETS = DOCUMENT["assets"]
CENTS = {"unit": "USD", "decimals": 2}
ALLOW: dict[str, Any] = {
    "approvals": [
        [{"group": "treasury", "threshold": 2}, {"group": "risk", "threshold": 1}],
        [{"group": "board", "threshold": 3}],
    ],
    "initiator_may_approve": False, "delay": 600, "expiry": 86400, "fee_ceiling": str(WEI // 100),
}  # fmt: skip


def said(when: dict[str, Any], **allow: Any) -> str:
    return sentence({"name": "n", "when": when, "allow": {**ALLOW, **allow}}, ASSETS, CENTS)


def test_a_rule_is_one_sentence() -> None:
    assert sentence(DOCUMENT["rules"][0], ASSETS) == (
        "By exchange; from a wallet of tier hot; of ETH; at most 1 ETH; in 1 day per initiator, this one and its fee "
        "included, at most 20 ETH → allowed without approvals; open for at most 1 day; fee at most 0.01 ETH"
    )
    assert sentence({"name": "n", "when": {}, "deny": "not today"}, ASSETS) == "Always → denied: not today"


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"initiator": {"members": ["alice"], "groups": ["risk", "board"]}}, "By alice, group risk or group board →"),
        ({"initiator": {"members": []}}, "By nobody"),
        ({"source": {"wallets": ["a", "b"], "tiers": ["hot"]}}, "From wallet a or b; from a wallet of tier hot"),
        ({"source": {"accounts": [PAYEE]}}, f"From account {PAYEE}"),
        ({"destination": {"accounts": [PAYEE], "own_wallets": True}}, f"To {PAYEE} or an own wallet"),
        (
            {"destination": {"listed": ["vendors"], "tags": ["payroll", "tax"], "listed_for": 604800}},
            "To an address of list vendors with tag payroll or tax that has been usable for 7 days",
        ),
        ({"destination": {"one_time": True}}, "To an address that is on no list"),
        ({"asset": []}, "Of nothing"),
        ({"asset": [TOKEN], "amount": {"min": "1500000", "max": "2000000"}}, "Of LUSD; 1.5 LUSD to 2 LUSD"),
        ({"asset": [ETH], "amount": {"min": "1"}}, "Of ETH; at least 0.000000000000000001 ETH"),
        ({"value": {"max": "100050"}}, "Worth at most 1000.5 USD"),
        ({"over_time": [{"seconds": 3600, "per": "source", "max_value": "5"}]}, "In 1 hour per source, this one"),
        ({"operation": ["transfer", {"message": "order"}]}, "As a transfer or the message 'order'"),
        (
            {
                "operation": [
                    {
                        "call": {
                            "contracts": [f"{CHAIN}:{TOKEN_CONTRACT}"],
                            "method": "approve(address,uint256)",
                            "arguments": [{"index": 0, "own_wallet": True}, {"index": 1, "max": "7"}],
                        }
                    }
                ]
            },
            f"As a call of approve(address,uint256) on {CHAIN}:{TOKEN_CONTRACT} with argument 1 an own wallet and "
            "argument 2 at most 7",
        ),
    ],
)
def test_every_part_of_a_condition_is_said(when: dict[str, Any], words: str) -> None:
    assert said(when).startswith(words)


@pytest.mark.parametrize(
    ("allow", "words"),
    [
        ({}, "allowed with approvals by 2 of treasury and 1 of risk, or 3 of board; the initiator does not approve"),
        ({"initiator_may_approve": True}, "the initiator may approve"),
        ({"delay": 0}, "does not approve; open for at most 1 day"),
        ({"surface": "approver"}, "approved on the approver's own machine"),
        ({"device_bound": True}, "approved by passkeys that cannot be synced"),
        ({"keys": ["a", "b"]}, "signed by key a or b only"),
        ({"screening": {"services": ["chainwatch"], "max_age": 600}}, "cleared by chainwatch within 10 minutes"),
    ],
)
def test_every_term_is_said(allow: dict[str, Any], words: str) -> None:
    assert words in said({}, **allow)


def test_amounts_and_times_are_exact() -> None:
    assert money(ASSETS, ETH, str(10**18 * 2**64 + 1)) == "18446744073709551616.000000000000000001 ETH"
    assert money({}, ETH, "7") == f"7 units of {ETH}"
    assert value(None, "7") == "7 of the smallest unit of account"
    assert [duration(s) for s in (1, 60, 90, 86400)] == ["1 second", "1 minute", "90 seconds", "1 day"]
    assert approvals(ALLOW["approvals"]) == "2 of treasury and 1 of risk, or 3 of board"


def test_the_whole_document_is_said() -> None:
    told = dict(chapters(DOCUMENT))
    assert told["Administrators"] == ["2 of alice, bob, carol"]
    assert told["Lists of destinations"] == ["vendors: 1 of treasury add to it; usable after 1 minute"]
    assert told["Limits beside all rules"] == ["ETH a day: at most 50 ETH in 1 day per source"]
    rules = told["Rules: the first that matches decides"]
    assert rules[0].startswith("1. small ETH: By exchange;") and rules[-1] == "Whatever no rule allows is denied."
    assert "Prices" not in told and "Messages" not in told


def test_no_field_of_the_document_is_left_out() -> None:
    assert parts(DOCUMENT).keys() == TITLES.keys()
    assert TITLES.keys() | {"format", "fold", "version"} == DOCUMENT.keys() | {"valuation", "messages"}


def test_rows_of_one_name_are_told_apart() -> None:
    assert [*named([{"name": "a"}, {"name": "b"}, {"name": "a"}])] == ["a", "b", "a (2)"]


def test_what_fold_2_adds_to_the_document_is_said() -> None:
    document = Workspace().policy_document()
    document["tiers"]["hot"] |= {"ceiling": {"seconds": 86400, "out": "100", "in": None}, "requests": True}
    document["valuation"] = {**CENTS, "group": "treasury", "threshold": 2, "max_age": 3600}
    fields = [{"name": "to", "type": "address"}, {"name": "sum", "type": "uint256"}]
    document["messages"] = {
        "order": {
            "chain": CHAIN,
            "primary_type": "Order",
            "domain": {"name": "Exchange", "version": "1"},
            "types": {"Order": fields},
            "fields": [{"field": "sum", "max": "7"}, {"field": "to", "own_wallet": True}],
        }
    }
    document["limits"] = [{"name": "all", "seconds": 60, "per": "source", "max_value": "250"}]
    told = dict(chapters(document))
    assert told["Tiers"][0].endswith("at most 1 USD out in 1 day; takes RS256 requests")
    assert told["Prices"] == ["in USD with 2 decimals; stated by 2 of treasury; good for 1 hour"]
    assert told["Messages"] == [
        f"order: Order on {CHAIN}; name Exchange, version 1; Order(address to, uint256 sum); sum at most 7; "
        "to an own wallet"
    ]
    assert told["Limits beside all rules"] == ["all: at most 2.5 USD in 1 minute per source"]
