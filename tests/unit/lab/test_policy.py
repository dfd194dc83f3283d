"""The lab's policy: it loads, and small withdrawals pass while larger ones need people."""

from __future__ import annotations

import pytest

from strongroom.documents.names import AccountId, AssetId
from strongroom.lab.chain import CHAIN, ETH_ASSET, LUSD_ASSET
from strongroom.lab.layout import NODES, PEOPLE, SERVICES
from strongroom.lab.policy import policy_document
from strongroom.policy.evaluate import Allowed, Denied, Listing, Request, Window, evaluate, exceeded
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy
from tests.workspace import seeded

NAMES = (*PEOPLE, *SERVICES, *NODES, "coordinator")
SOMEBODY = f"{CHAIN}:0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
ETHER = 10**18
DOLLAR = 10**6


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(policy_document({name: seeded(name).credential.to_doc() for name in NAMES}, 1_790_000_000_000))


def request(initiator: str, asset: str, amount: int, *, own: bool = False, listed: bool = False) -> Request:
    return Request(
        initiator=initiator,
        wallet="hot-eth",
        tier="hot",
        destination=AccountId(SOMEBODY),
        listed={"vendors": Listing()} if listed else {},
        own_wallet=own,
        asset=AssetId(asset),
        amount=amount,
        native=AssetId(ETH_ASSET),
    )


def unused(_window: Window) -> int:
    return 0


@pytest.mark.parametrize(
    ("initiator", "asset", "amount", "approvals"),
    [
        ("exchange", ETH_ASSET, 1 * ETHER, 0),
        ("exchange", LUSD_ASSET, 1_000 * DOLLAR, 0),
        ("exchange", ETH_ASSET, 1 * ETHER + 1, None),
        ("exchange", LUSD_ASSET, 1_000 * DOLLAR + 1, None),
        ("alice", ETH_ASSET, 1, 2),
        ("bob", ETH_ASSET, 10 * ETHER, 2),
        ("carol", ETH_ASSET, 10 * ETHER + 1, None),
        ("alice", LUSD_ASSET, 50_000 * DOLLAR, 2),
        ("alice", LUSD_ASSET, 50_000 * DOLLAR + 1, None),
        ("mallory", ETH_ASSET, 1, None),
    ],
)
def test_who_moves_what(policy: Policy, initiator: str, asset: str, amount: int, approvals: int | None) -> None:
    answer = evaluate(policy, request(initiator, asset, amount), unused)
    if approvals is None:
        assert isinstance(answer, Denied)
    else:
        assert isinstance(answer, Allowed)
        assert sum(need.threshold for each in answer.obligations.terms.approvals for need in each) == approvals


def test_the_service_is_told_its_limit(policy: Policy) -> None:
    answer = evaluate(policy, request("exchange", ETH_ASSET, 2 * ETHER), unused)
    assert isinstance(answer, Denied) and "1 ETH or 1,000 LUSD" in answer.reason


@pytest.mark.parametrize(("asset", "a_day"), [(ETH_ASSET, 50 * ETHER), (LUSD_ASSET, 100_000 * DOLLAR)])
def test_the_service_s_day_is_limited(policy: Policy, asset: str, a_day: int) -> None:
    asked = request("exchange", asset, DOLLAR)
    assert isinstance(evaluate(policy, asked, lambda window: a_day - DOLLAR), Allowed)
    assert isinstance(evaluate(policy, asked, lambda window: a_day - DOLLAR + 1), Denied)


def test_own_wallets_and_listed_vendors_take_fewer_approvals(policy: Policy) -> None:
    own = evaluate(policy, request("alice", ETH_ASSET, 100 * ETHER, own=True), unused)
    assert isinstance(own, Allowed) and own.obligations.terms.approvals == ()
    vendor = evaluate(policy, request("alice", LUSD_ASSET, 10_000 * DOLLAR, listed=True), unused)
    assert isinstance(vendor, Allowed) and [need.threshold for (need,) in vendor.obligations.terms.approvals] == [1]


def test_no_rule_goes_beyond_the_wallet_s_day(policy: Policy) -> None:
    assert exceeded(policy, request("alice", ETH_ASSET, 500 * ETHER), unused) is None
    assert exceeded(policy, request("alice", ETH_ASSET, 500 * ETHER + 1), unused) is not None


def test_everything_says_lab(policy: Policy) -> None:
    assert policy.label == "LAB"
    assert all(place.startswith("LAB") for node in policy.nodes.values() for place in node.placement.values())
