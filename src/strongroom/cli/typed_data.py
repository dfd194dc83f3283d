"""Typed data as wallets and libraries write it (eth_signTypedData_v4), in the one spelling that is signed here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from strongroom.chains.evm.checksum import parse_address
from strongroom.documents.canonical import fields
from strongroom.documents.typed import DOMAIN
from strongroom.errors import InvalidInput

_TYPED_DATA: Final = {"types": dict, "primaryType": str, "domain": dict, "message": dict}


def message_of(document: object, schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The `message` of an intent from typed data, under the policy's schema that is exactly of its kind.

    Raises InvalidInput message.unknown_type when there is none, document.* and argument.syntax.
    """
    found = fields(document, "the typed data", _TYPED_DATA)
    types = {name: members for name, members in found["types"].items() if name != "EIP712Domain"}
    kind = {
        "domain": {name: _text(DOMAIN.get(name, "string"), value) for name, value in found["domain"].items()},
        "primary_type": found["primaryType"],
        "types": types,
    }
    for name, schema in schemas.items():
        if {part: schema[part] for part in kind} == kind:
            return {"schema": name, **kind, "fields": _spelled(types, found["primaryType"], found["message"])}
    raise InvalidInput("message.unknown_type", "no schema of the policy is exactly of this kind", "see: policy show")


def _spelled(types: Mapping[str, Any], kind: str, value: Any) -> Any:
    """A value with each of its leaves as a text."""
    if kind not in types:
        return _text(kind, value)
    shape = {member["name"]: member["type"] for member in types[kind]}
    found = fields(value, f"struct {kind}", dict.fromkeys(shape, dict | str | int | bool))
    return {name: _spelled(types, inner, found[name]) for name, inner in shape.items()}


def _text(kind: str, value: Any) -> str:
    """`true` of a bool, decimal digits of a number, lower-case hex of an address or bytes, a string as it stands."""
    if isinstance(value, bool) and kind == "bool":
        return str(value).lower()
    if isinstance(value, int) and not isinstance(value, bool) and kind.startswith("uint"):
        return str(value)
    if isinstance(value, str):
        if kind == "address":
            return parse_address(value)
        return value.lower() if kind.startswith("bytes") else value
    raise InvalidInput("argument.syntax", f"a value is not written as a {kind} is")
