"""The lab's policy: three people, one service, small hot withdrawals without approvals, larger ones with two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from strongroom.lab.chain import CHAIN, ETH_ASSET, LUSD_ASSET
from strongroom.lab.layout import GUARDIANS, NODES, PEOPLE, SERVICES

DAY: Final = 86_400
ETHER: Final = 10**18
LUSD: Final = 10**6
COOL_DOWN: Final = 5
"""Seconds: long enough to be seen, short enough to be waited for."""
SMALL: Final = {ETH_ASSET: 1 * ETHER, LUSD_ASSET: 1_000 * LUSD}
"""The most that the service moves by itself in one transfer."""

_NOTHING_OWED: Final[dict[str, Any]] = {
    "approvals": [],
    "initiator_may_approve": False,
    "delay": 0,
    "expiry": DAY,
    "fee_ceiling": str(ETHER // 100),
}


def _approved_by(threshold: int) -> dict[str, Any]:
    return {**_NOTHING_OWED, "approvals": [[{"group": "treasury", "threshold": threshold}]]}


def _small(symbol: str, asset: str, a_day: int) -> dict[str, Any]:
    return {
        "name": f"small withdrawals of {symbol}",
        "when": {
            "initiator": {"members": list(SERVICES)},
            "source": {"tiers": ["hot"]},
            "asset": [asset],
            "amount": {"max": str(SMALL[asset])},
            "over_time": [{"seconds": DAY, "per": "initiator", "max": str(a_day)}],
        },
        "allow": _NOTHING_OWED,
    }


def _larger(symbol: str, asset: str, most: int) -> dict[str, Any]:
    return {
        "name": f"larger transfers of {symbol}, approved by two of treasury",
        "when": {"initiator": {"groups": ["treasury"]}, "asset": [asset], "amount": {"max": str(most)}},
        "allow": _approved_by(2),
    }


def _node(name: str, key: dict[str, Any]) -> dict[str, Any]:
    place = {"provider": "LAB", "region": "LAB", "jurisdiction": "LAB", "site": f"LAB {name}"}
    return {"duty": "guardian" if name in GUARDIANS else "signer", "key": key, "placement": place}


def policy_document(keys: Mapping[str, dict[str, Any]], now: int) -> dict[str, Any]:
    """Version 1, from everyone's credential documents (members, nodes, `coordinator`), at unix ms `now`."""
    everyone = {"groups": ["treasury"], "members": list(SERVICES)}
    return {
        "format": "strongroom.policy.v1",
        "fold": 2,
        "version": 1,
        "label": "LAB",
        "expires": now + 365 * DAY * 1000,
        "cool_down": COOL_DOWN,
        "people": {
            **{name: {"role": "person", "keys": [keys[name]]} for name in PEOPLE},
            **{name: {"role": "service", "keys": [keys[name]]} for name in SERVICES},
        },
        "administrators": {"members": list(PEOPLE), "threshold": 2},
        "groups": {"treasury": list(PEOPLE)},
        "freezers": "treasury",
        "witnesses": {"faults": 1, "nodes": {name: _node(name, keys[name]) for name in NODES}},
        "coordinator": keys["coordinator"],
        "tiers": {"hot": {"checkpoint_age": 30, "schemes": ["ecdsa-dkls23", "ed25519-frost", "bip340-frost"]}},
        "chains": {
            CHAIN: {
                "confirmations": 2,
                "native": ETH_ASSET,
                "fee_window": {"seconds": DAY, "max": str(10 * ETHER)},
            }
        },
        "assets": {
            ETH_ASSET: {"symbol": "ETH", "decimals": 18},
            LUSD_ASSET: {"symbol": "LUSD", "decimals": 6},
        },
        "address_groups": {"vendors": {"group": "treasury", "threshold": 1, "age": 10}},
        "wallet_age": 0,
        "limits": [
            _limit("ETH of a wallet in a day", ETH_ASSET, 500 * ETHER),
            _limit("LUSD of a wallet in a day", LUSD_ASSET, 1_000_000 * LUSD),
        ],
        "rules": [
            {
                "name": "between own wallets",
                "when": {"initiator": everyone, "destination": {"own_wallets": True}},
                "allow": _NOTHING_OWED,
            },
            _small("ETH", ETH_ASSET, 50 * ETHER),
            _small("LUSD", LUSD_ASSET, 100_000 * LUSD),
            {
                "name": "the service's own limit",
                "when": {"initiator": {"members": list(SERVICES)}},
                "deny": "a service moves at most 1 ETH or 1,000 LUSD at a time and 50 ETH or 100,000 LUSD in 24 hours",
            },
            {
                "name": "listed vendors, approved by one other of treasury",
                "when": {
                    "initiator": {"groups": ["treasury"]},
                    "destination": {"listed": ["vendors"]},
                    "asset": [LUSD_ASSET],
                    "amount": {"max": str(10_000 * LUSD)},
                },
                "allow": _approved_by(1),
            },
            _larger("ETH", ETH_ASSET, 10 * ETHER),
            _larger("LUSD", LUSD_ASSET, 50_000 * LUSD),
        ],
    }


def _limit(name: str, asset: str, most: int) -> dict[str, Any]:
    return {"name": name, "asset": asset, "seconds": DAY, "per": "source", "max": str(most)}
