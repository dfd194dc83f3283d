"""Calls and messages for tests: a policy that allows some, and intents of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from strongroom.chains.evm.calldata import calldata
from strongroom.documents.abi import parse_method
from tests.workspace import CHAIN, OTHER, TOKEN, TOKEN_CONTRACT, WEI

ROUTER: Final = f"{CHAIN}:0x{'77' * 20}"
APPROVE: Final = "approve(address,uint256)"
DEPOSIT: Final = "deposit(address,uint64)"
FIVE: Final = 5_000_000
"""Base units of the token with six decimals."""

LETTER: Final[dict[str, Any]] = {
    "schema": "letter",
    "domain": {"name": "Letters", "chainId": "31337", "verifyingContract": TOKEN_CONTRACT},
    "primary_type": "Letter",
    "types": {"Letter": [{"name": "to", "type": "address"}, {"name": "text", "type": "string"}]},
    "fields": {"to": OTHER.rpartition(":")[2], "text": "I agree."},
}


def call(contract: str, method: str, *arguments: str, value: int = 0) -> dict[str, Any]:
    """The `call` of an intent."""
    return {"to": contract, "value": str(value), "data": calldata(parse_method(method), list(arguments)).hex()}


def approve(amount: int = FIVE, spender: str = OTHER, value: int = 0) -> dict[str, Any]:
    """An ERC-20 approve of the token, as the `call` of an intent."""
    token = f"{CHAIN}:{TOKEN_CONTRACT}"
    return call(token, APPROVE, spender.rpartition(":")[2], str(amount), value=value)


def letter(**fields: str) -> dict[str, Any]:
    """The `message` of an intent: the letter with other fields."""
    return {**LETTER, "fields": {**LETTER["fields"], **fields}}


def with_operations(document: Mapping[str, Any]) -> dict[str, Any]:
    """A policy by the second fold rules, in which the service also approves a little, deposits and writes letters."""
    policy = copy.deepcopy(dict(document))
    kind = {name: LETTER[name] for name in ("domain", "primary_type", "types")}
    fields = [{"field": "to", "is": [LETTER["fields"]["to"]]}]
    free = {
        "approvals": [],
        "initiator_may_approve": False,
        "delay": 0,
        "expiry": 86400,
        "fee_ceiling": str(WEI // 100),
    }
    spender = [{"index": 0, "is": [OTHER.rpartition(":")[2]]}]
    operations: dict[str, list[Any]] = {
        "allow a little": [
            {"call": {"contracts": [f"{CHAIN}:{TOKEN_CONTRACT}"], "method": APPROVE, "arguments": spender}}
        ],
        "deposit for ourselves": [
            {"call": {"contracts": [ROUTER], "method": DEPOSIT, "arguments": [{"index": 0, "own_wallet": True}]}}
        ],
        "letters": [{"message": "letter"}],
    }
    amounts: dict[str, Any] = {"allow a little": {"asset": [TOKEN], "amount": {"max": str(10 * FIVE)}}}
    rules = [
        {
            "name": name,
            "when": {"initiator": {"members": ["exchange"]}, "operation": operation, **amounts.get(name, {})},
            "allow": free,
        }
        for name, operation in operations.items()
    ]
    asked = {**free, "approvals": [[{"group": "treasury", "threshold": 1}]]}
    everything = [each for operation in operations.values() for each in operation]
    people = {
        "name": "people",
        "when": {"initiator": {"groups": ["treasury"]}, "operation": everything},
        "allow": asked,
    }
    limit = {"name": "tokens a day", "asset": TOKEN, "seconds": 86400, "per": "source", "max": str(12 * FIVE)}
    return {
        **policy,
        "fold": 2,
        "messages": {"letter": {"chain": CHAIN, **kind, "fields": fields}},
        "limits": [*policy["limits"], limit],
        "rules": [*policy["rules"], *rules, people],
    }
