"""What an intent comes to: its operation, destination, asset and amount; or why no rule is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from strongroom.audit.second.facts import Document, Facts
from strongroom.audit.second.words import arguments, satisfied, selector, spelled

_APPROVE: Final = "approve(address,uint256)"
_BOUND: Final = 2**255 - 1
_PERMIT2: Final = "(address,uint160,uint48,uint48)"
_ALLOWANCES: Final = frozenset(map(selector, (
    "setApprovalForAll(address,bool)",
    "increaseAllowance(address,uint256)",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    "permit(address,address,uint256,uint256,bytes)",
    "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)",
    "permit(address,uint256,uint256,uint8,bytes32,bytes32)",
    "permit(address,uint256,uint256,bytes)",
    f"permit(address,({_PERMIT2},address,uint256),bytes)",
    f"permit(address,({_PERMIT2}[],address,uint256),bytes)",
    "approve(address,address,uint160,uint48)",
)))  # fmt: skip
_PAYMENTS: Final = frozenset(map(selector, (
    "transfer(address,uint256)",
    "transferFrom(address,address,uint256)",
    "safeTransferFrom(address,address,uint256)",
    "safeTransferFrom(address,address,uint256,bytes)",
    "safeTransferFrom(address,address,uint256,uint256,bytes)",
    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
)))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """The facts that rules ask about; `contract` and `data` of a call, `schema` of a message, else empty."""

    destination: str
    asset: str
    amount: int
    contract: str = ""
    data: bytes = b""
    schema: str = ""

    def fits(self, shape: Any, facts: Facts) -> bool:
        """Whether it is one of the operations that a rule names."""
        if shape == "transfer":
            return not self.contract and not self.schema
        if "message" in shape:
            return bool(self.schema) and self.schema == shape["message"]
        return bool(self.contract) and self._fits_call(shape["call"], facts)

    def _fits_call(self, shape: Document, facts: Facts) -> bool:
        if self.contract not in shape["contracts"]:
            return False
        found = arguments(shape["method"], self.data)
        if found is None:
            return False
        return all(
            satisfied(each, found[each["index"]], lambda address: _own_address(facts, address))
            for each in shape.get("arguments", ())
        )


def act_of(policy: Document, facts: Facts) -> Act | str:
    """What the intent comes to, or the code that refuses it before any rule."""
    intent = facts.intent
    if "call" in intent:
        return _call(native_of(policy, facts.wallet.chain), facts, intent["call"])
    if "message" in intent:
        return _message(policy, facts, intent["message"])
    return Act(intent["to"], intent["asset"], int(intent["amount"]))


def native_of(policy: Document, chain: str) -> str:
    """The native coin of a chain; empty for one that the policy does not name."""
    return str(policy["chains"][chain]["native"]) if chain in policy["chains"] else ""


def _own_address(facts: Facts, address: str) -> bool:
    return facts.own_and_usable(f"{facts.wallet.chain}:{address}")


def _call(native: str, facts: Facts, call: Document) -> Act | str:
    contract, value, data = call["to"], int(call["value"]), bytes.fromhex(call["data"].removeprefix("0x"))
    approves = data[:4] == selector(_APPROVE)
    allowance = arguments(_APPROVE, data) if approves and not value else None
    if data[:4] in _ALLOWANCES or (approves and (allowance is None or int(allowance[1]) > _BOUND)):
        return "operation.allowance_unbounded"
    if data[:4] in _PAYMENTS:
        return "operation.use_transfer"
    if len(data) < 4 or facts.own(contract) is not None:
        return "operation.not_a_contract"
    if allowance is None:
        return Act(contract, native, value, contract, data)
    chain, _, address = contract.rpartition(":")
    return Act(f"{chain}:{allowance[0]}", f"{chain}/erc20:{address}", int(allowance[1]), contract, data)


def _message(policy: Document, facts: Facts, message: Document) -> Act | str:
    schema = policy.get("messages", {}).get(message["schema"])
    same = ("domain", "primary_type", "types")
    if (
        schema is None
        or schema["chain"] != facts.wallet.chain
        or any(schema[each] != message[each] for each in same)
        or not _has_type(schema["types"], schema["primary_type"], message["fields"])
    ):
        return "message.unknown_type"
    for constraint in schema["fields"]:
        value = message["fields"]
        for name in constraint["field"].split("."):
            value = value[name]
        if not satisfied(constraint, value, lambda address: _own_address(facts, address)):
            return "message.not_allowed"
    return Act(facts.wallet.account, native_of(policy, facts.wallet.chain), 0, schema=message["schema"])


def _has_type(types: Document, kind: str, value: Any) -> bool:
    if kind not in types:
        return spelled(kind, value)
    if not isinstance(value, dict) or len(value) != len(types[kind]):
        return False
    return all(each["name"] in value and _has_type(types, each["type"], value[each["name"]]) for each in types[kind])
