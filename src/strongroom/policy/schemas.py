"""Which typed messages may be signed at all: by exact schema, with constraints on their fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any, Final

from strongroom.documents.canonical import fields
from strongroom.documents.names import ChainId, parse_chain
from strongroom.documents.typed import TypedMessage, Types, check_kind, preimage, type_of
from strongroom.errors import InvalidInput
from strongroom.policy.calls import CONSTRAINT, Constraint, OwnWallet, constraint_on

_SCHEMA: Final = {"chain": str, "domain": dict, "primary_type": str, "types": dict, "fields": list}
_SPENDING: Final = ("permit", "transferwithauthorization", "receivewithauthorization")  # EIP-2612, EIP-3009


@dataclass(frozen=True, slots=True)
class MessageSchema:
    """One kind of message, on one chain; each (path, constraint) of its fields must hold."""

    chain: ChainId
    domain: Mapping[str, str]
    primary_type: str
    types: Types
    constraints: tuple[tuple[str, Constraint], ...]

    def describes(self, message: TypedMessage) -> bool:
        """Whether a message has exactly this domain, primary type and types, and values of these types."""
        if (message.domain, message.primary_type, message.types) != (self.domain, self.primary_type, self.types):
            return False
        try:
            return bool(preimage(message))
        except InvalidInput:
            return False

    def admits(self, message: TypedMessage, own_wallet: OwnWallet) -> bool:
        """Whether a message that the schema describes keeps every constraint."""
        values: Any = message.fields
        return all(of.holds(reduce(getitem, path.split("."), values), own_wallet) for path, of in self.constraints)


def parse_schema(where: str, doc: object) -> MessageSchema:
    """A schema of the policy; raises InvalidInput message.domain, message.types, policy.message_*."""
    found = fields(doc, where, _SCHEMA)
    chain, domain, types = parse_chain(found["chain"]), found["domain"], found["types"]
    check_kind(domain, found["primary_type"], types)
    if chain != f"eip155:{domain['chainId']}":
        raise InvalidInput("policy.message_chain", f"{where}: the chainId of the domain is not that of {chain}")
    spends = any(_lets_spend(members, types) for members in types.values())
    if spends or found["primary_type"].lower().startswith(_SPENDING):
        raise InvalidInput(
            "policy.message_allowance", f"{where} would let others spend: a limit counts calls of approve, no messages"
        )
    constraints = []
    for spec in found["fields"]:
        path = fields(spec, f"{where}.fields", {"field": str}, CONSTRAINT)["field"]
        kind = type_of(types, found["primary_type"], path)
        if kind is None:
            raise InvalidInput("policy.constraint", f"{where} has no field '{path[:64]}'")
        constraints.append((path, constraint_on(f"{where}, {path}", kind, spec)))
    return MessageSchema(chain, domain, found["primary_type"], types, tuple(constraints))


def _lets_spend(members: list[dict[str, Any]], types: Types) -> bool:
    """Whether a struct has a spender and an amount, its own or one of a struct that it holds."""
    names, kinds = {member["name"].lower() for member in members}, [member["type"] for member in members]
    return "spender" in names and any(kind.startswith("uint") or kind in types for kind in kinds)
