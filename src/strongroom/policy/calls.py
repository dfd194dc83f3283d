"""Which contract calls a rule is about: contracts, one method, constraints on its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from strongroom.documents.abi import SELECTOR, Method, parse_method, word_of, words
from strongroom.documents.amount import MAX_AMOUNT, parse_amount
from strongroom.documents.canonical import fields
from strongroom.documents.names import AccountId, parse_account
from strongroom.errors import InvalidInput

OwnWallet = Callable[[str], bool]
"""Whether an address (lower-case 0x…) is that of an own wallet on the chain in question, open and usable."""

CONSTRAINT: Final = {"is": list, "min": str, "max": str, "own_wallet": bool}


@dataclass(frozen=True, slots=True)
class Constraint:
    """What must hold of one value: one of some texts, a number within bounds, an own wallet's address."""

    allowed: frozenset[str] | None = None
    least: int | None = None
    most: int | None = None
    own_wallet: bool = False

    def holds(self, text: str, own_wallet: OwnWallet) -> bool:
        """Whether it holds of a value as the policy spells it."""
        if self.allowed is not None and text not in self.allowed:
            return False
        if self.own_wallet and not own_wallet(text):
            return False
        return (self.least is None or self.least <= int(text)) and (self.most is None or int(text) <= self.most)


@dataclass(frozen=True, slots=True)
class ContractCall:
    """What a call is asked of and with: the contract, and the data from its selector on."""

    contract: AccountId
    data: bytes


@dataclass(frozen=True, slots=True)
class CallShape:
    """The calls that a rule names: any of the contracts, the method, each (index, constraint) of its arguments."""

    contracts: frozenset[AccountId]
    method: Method
    arguments: tuple[tuple[int, Constraint], ...] = ()


def fits(shape: CallShape, call: ContractCall, own_wallet: OwnWallet) -> bool:
    """Whether a call is one of the shape: nothing about it is left unsaid."""
    if call.contract not in shape.contracts or call.data[:SELECTOR] != shape.method.selector:
        return False
    try:
        arguments = words(shape.method, call.data)
    except InvalidInput:
        return False
    return all(constraint.holds(arguments[index], own_wallet) for index, constraint in shape.arguments)


def parse_shape(where: str, doc: object) -> CallShape:
    """The shape of `{contracts, method, arguments}`; raises InvalidInput policy.call, policy.constraint."""
    found = fields(doc, f"{where}.call", {"contracts": list, "method": str}, {"arguments": list})
    contracts, method = frozenset(map(parse_account, found["contracts"])), parse_method(found["method"])
    if not contracts or len(contracts) != len(found["contracts"]):
        raise InvalidInput("policy.call", f"{where}: a call names one contract or more, each once")
    arguments = []
    for spec in found.get("arguments", []):
        index = fields(spec, f"{where}.arguments", {"index": int}, CONSTRAINT)["index"]
        if not 0 <= index < len(method.types):
            raise InvalidInput("policy.constraint", f"{where}: {method.signature} has no argument {index}")
        arguments.append((index, constraint_on(f"{where}, argument {index}", method.types[index], spec)))
    return CallShape(contracts, method, tuple(arguments))


def constraint_on(where: str, kind: str, spec: Mapping[str, Any]) -> Constraint:
    """The constraint on a value of a type; raises InvalidInput policy.constraint where nothing could meet it."""
    parts = spec.keys() & CONSTRAINT.keys()
    if parts == {"is"} and spec["is"] and all(_is_value(kind, text) for text in spec["is"]):
        return Constraint(allowed=frozenset(spec["is"]))
    if parts == {"own_wallet"} and spec["own_wallet"] and kind == "address":
        return Constraint(own_wallet=True)
    if parts and parts <= {"min", "max"} and kind.startswith("uint"):
        least, most = parse_amount(spec.get("min", "0")), parse_amount(spec.get("max", str(MAX_AMOUNT)))
        if least <= min(most, 2 ** int(kind[4:]) - 1):
            return Constraint(least=least, most=most)
    raise InvalidInput("policy.constraint", f"{where}: a {kind} is not constrained so, or nothing could be so")


def _is_value(kind: str, text: object) -> bool:
    """Whether a value could be spelled so; of what is no word any text may be asked."""
    return isinstance(text, str) and (kind in ("string", "bytes") or bool(word_of(kind, text)))
