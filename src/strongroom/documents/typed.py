"""Typed messages (EIP-712) of a closed set of types: structs of words, strings, bytes and structs; no arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from strongroom.documents.abi import is_elementary, word_of
from strongroom.documents.canonical import fields, parse
from strongroom.documents.keccak import keccak256
from strongroom.documents.names import parse_hex
from strongroom.errors import InvalidInput

DOMAIN: Final = {
    "name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address", "salt": "bytes32",
}  # fmt: skip
"""The fields of EIP712Domain, in the order of the standard."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,63}")
_RESERVED: Final = re.compile(r"EIP712Domain|(?:address|bool|string|bytes|function|u?int|u?fixed)[0-9x]*")
_MESSAGE: Final = {"schema": str, "domain": dict, "primary_type": str, "types": dict, "fields": dict}

Types = Mapping[str, list[dict[str, str]]]
"""Struct name → its fields in order, each {name, type}."""


@dataclass(frozen=True, slots=True)
class TypedMessage:
    """A message as it was asked for: whether it is of a checked kind is for its schema to say."""

    schema: str
    domain: Mapping[str, str]
    primary_type: str
    types: Types
    fields: Mapping[str, Any]


def parse_message(data: bytes) -> TypedMessage:
    """The message of an intent, in canonical bytes; raises InvalidInput document.*."""
    return TypedMessage(**fields(parse(data), "message", _MESSAGE))


def check_kind(domain: Mapping[str, Any], primary_type: str, types: Mapping[str, Any]) -> None:
    """Raises InvalidInput message.domain or message.types unless values of this kind can be hashed in one way."""
    if not domain.keys() <= DOMAIN.keys() or "chainId" not in domain:
        raise InvalidInput("message.domain", f"a domain names its chainId, and nothing but {', '.join(DOMAIN)}")
    _separator(domain)  # or refuse a value
    for name, members in types.items():
        if not _IDENTIFIER.fullmatch(name) or _RESERVED.fullmatch(name) or not isinstance(members, list):
            raise InvalidInput("message.types", "a struct is a list of fields under a name that no other type has")
        for member in members:
            spec = fields(member, f"struct {name}", {"name": str, "type": str})
            known = spec["type"] in types or spec["type"] in ("string", "bytes") or is_elementary(spec["type"])
            if not _IDENTIFIER.fullmatch(spec["name"]) or not known:
                raise InvalidInput("message.types", f"struct {name} has a field without a plain name or a known type")
        if len({member["name"] for member in members}) != len(members):
            raise InvalidInput("message.types", f"struct {name} has two fields of one name")
    if primary_type not in types or _reached(types, primary_type) != types.keys():
        raise InvalidInput("message.types", "the types are those that the primary type is made of")


def type_of(types: Types, primary_type: str, path: str) -> str | None:
    """The type of a value by its path (`outer.inner`); None if there is no such value."""
    kind: str | None = primary_type
    for part in path.split("."):
        kind = {member["name"]: member["type"] for member in types.get(kind or "", [])}.get(part)
    return None if kind in types else kind


def preimage(message: TypedMessage) -> bytes:
    """The 66 bytes whose keccak-256 is signed: 0x1901, domain separator, hash of the struct (EIP-712).

    Of a checked kind; raises InvalidInput argument.*, amount.* or document.* on a value that is not of its type.
    """
    hashed = _encoded(message.types, message.primary_type, message.fields)
    return b"\x19\x01" + _separator(message.domain) + hashed


def _separator(domain: Mapping[str, Any]) -> bytes:
    members = [{"name": name, "type": kind} for name, kind in DOMAIN.items() if name in domain]
    return _encoded({"EIP712Domain": members}, "EIP712Domain", domain)


def _encoded(types: Types, kind: str, value: object) -> bytes:
    """The 32 bytes of a value in its struct's encoding: a struct that holds itself has no value."""
    if kind in types:
        found = fields(value, f"struct {kind}", {m["name"]: dict if m["type"] in types else str for m in types[kind]})
        inner = b"".join(_encoded(types, member["type"], found[member["name"]]) for member in types[kind])
        return keccak256(keccak256(_type_text(types, kind).encode()) + inner)
    if kind == "string" and isinstance(value, str):
        return keccak256(value.encode("utf-8", "surrogatepass"))  # canonical bytes hold no lone surrogate
    if kind == "bytes" and isinstance(value, str) and value.startswith("0x"):
        return keccak256(parse_hex(value[2:], code="argument.syntax"))
    return word_of(kind, value)


def _type_text(types: Types, kind: str) -> str:
    """`Mail(Person from,Person to,string contents)Person(string name,address wallet)`."""
    ordered = (kind, *sorted(_reached(types, kind) - {kind}))
    return "".join(f"{name}({','.join(m['type'] + ' ' + m['name'] for m in types[name])})" for name in ordered)


def _reached(types: Types, name: str) -> set[str]:
    """The structs that a struct is made of, itself included."""
    found, ahead = {name}, [name]
    while ahead:
        inner = {member["type"] for member in types[ahead.pop()]} & types.keys() - found
        found |= inner
        ahead += inner
    return found
