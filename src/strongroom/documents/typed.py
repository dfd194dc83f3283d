"""Typed messages (EIP-712) of a closed set of types: structs of words, strings and bytes; no arrays, no recursion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from strongroom.documents.abi import is_elementary, word_of
from strongroom.documents.canonical import fields, parse
from strongroom.documents.keccak import keccak256
from strongroom.documents.names import parse_hex, parse_slug
from strongroom.errors import InvalidInput

DOMAIN: Final = {
    "name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address", "salt": "bytes32",
}  # fmt: skip
"""The fields of EIP712Domain, in the order of the standard."""

MAX_STRUCTS: Final = 16

_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,63}")
_RESERVED: Final = re.compile(r"EIP712Domain|(?:address|bool|string|bytes|function|u?int|u?fixed)[0-9x]*")
_MESSAGE: Final = {"schema": str, "domain": dict, "primary_type": str, "types": dict, "fields": dict}

_DOMAIN: Final = "EIP712Domain"

Types = Mapping[str, list[dict[str, str]]]
"""Struct name → its fields in order, each {name, type}."""


@dataclass(frozen=True, slots=True)
class _Struct:
    """A struct as it is encoded: the hash of its type, its members' types in order."""

    hash: bytes
    members: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TypedMessage:
    """A message whose domain, types and values are checked; every value is a text, structs are objects."""

    schema: str
    domain: Mapping[str, str]
    primary_type: str
    types: Types
    fields: Mapping[str, Any]

    @property
    def chain_id(self) -> int:
        """The number of the chain that the message is bound to."""
        return int(self.domain["chainId"])

    @property
    def leaves(self) -> dict[str, str]:
        """Every value by its path: {"to.wallet": "0x…"}."""
        return dict(_leaves(self.types, self.primary_type, self.fields))


@lru_cache(maxsize=1024)  # what was proposed is read again at each decision about it
def parse_message(data: bytes) -> TypedMessage:
    """The message of an intent, in canonical bytes; raises InvalidInput message.domain, message.types, argument.*."""
    found = fields(parse(data), "message", _MESSAGE)
    check_kind(found["domain"], found["primary_type"], found["types"])
    message = TypedMessage(
        parse_slug(found["schema"]), found["domain"], found["primary_type"], found["types"], found["fields"]
    )
    preimage(message)  # or refuse a value
    return message


def check_kind(domain: Mapping[str, Any], primary_type: str, types: Mapping[str, Any]) -> None:
    """Raises InvalidInput message.domain or message.types unless values of this kind can be hashed in one way."""
    if not domain.keys() <= DOMAIN.keys() or "chainId" not in domain:
        raise InvalidInput("message.domain", f"a domain names its chainId, and nothing but {', '.join(DOMAIN)}")
    for name, value in domain.items():
        _encoded({}, DOMAIN[name], value)  # or refuse it
    if len(types) > MAX_STRUCTS:
        raise InvalidInput("message.types", f"a message has at most {MAX_STRUCTS} structs")
    for name, members in types.items():
        _check_struct(name, members, types)
    for name, members in types.items():
        inner = {member["type"] for member in members} & types.keys()
        if any(name in reached(types, each) for each in inner):
            raise InvalidInput("message.types", f"struct {name} holds itself")
    if primary_type not in types or reached(types, primary_type) != types.keys():
        raise InvalidInput("message.types", "the types are those that the primary type is made of")


def _check_struct(name: str, members: object, types: Mapping[str, Any]) -> None:
    if not _IDENTIFIER.fullmatch(name) or _RESERVED.fullmatch(name) or not isinstance(members, list):
        raise InvalidInput("message.types", "a struct is a list of fields under a name that no other type has")
    names = []
    for member in members:
        spec = fields(member, f"struct {name}", {"name": str, "type": str})
        known = spec["type"] in types or spec["type"] in ("string", "bytes") or is_elementary(spec["type"])
        if not _IDENTIFIER.fullmatch(spec["name"]) or not known:
            raise InvalidInput("message.types", f"struct {name} has a field without a plain name or a known type")
        names.append(spec["name"])
    if not names or len(set(names)) != len(names):
        raise InvalidInput("message.types", f"struct {name} has no fields, or two of one name")


def reached(types: Types, name: str) -> set[str]:
    """The structs that a struct is made of, itself included."""
    found, ahead = {name}, [name]
    while ahead:
        inner = {member["type"] for member in types[ahead.pop()]} & types.keys() - found
        found |= inner
        ahead += inner
    return found


def type_of(types: Types, primary_type: str, path: str) -> str | None:
    """The type of a value by its path (`outer.inner`); None if there is no such value."""
    kind: str | None = primary_type
    for part in path.split("."):
        kind = {member["name"]: member["type"] for member in types.get(kind or "", [])}.get(part)
    return None if kind in types else kind


def preimage(message: TypedMessage) -> bytes:
    """The 66 bytes whose keccak-256 is signed: 0x1901, domain separator, hash of the struct (EIP-712)."""
    domain = [{"name": name, "type": kind} for name, kind in DOMAIN.items() if name in message.domain]
    separator = _encoded(_structs({_DOMAIN: domain}), _DOMAIN, dict(message.domain))
    return b"\x19\x01" + separator + _encoded(_structs(message.types), message.primary_type, dict(message.fields))


def _structs(types: Types) -> dict[str, _Struct]:
    """`Mail(Person from,Person to,string contents)Person(string name,address wallet)`, hashed, for each struct."""
    alone = {name: f"{name}({','.join(m['type'] + ' ' + m['name'] for m in types[name])})" for name in types}
    texts = {name: "".join(alone[each] for each in (name, *sorted(reached(types, name) - {name}))) for name in types}
    return {
        name: _Struct(keccak256(texts[name].encode()), {member["name"]: member["type"] for member in types[name]})
        for name in types
    }


def _encoded(structs: Mapping[str, _Struct], kind: str, value: object) -> bytes:
    """The 32 bytes of a value in its struct's encoding; raises InvalidInput argument.*, amount.*, document.*."""
    if kind in structs:
        struct = structs[kind]
        shape = {name: dict if inner in structs else str for name, inner in struct.members.items()}
        found = fields(value, f"struct {kind}", shape)
        return keccak256(struct.hash + b"".join(_encoded(structs, struct.members[name], found[name]) for name in shape))
    if kind == "string" and isinstance(value, str):
        return keccak256(_utf8(value))
    if kind == "bytes" and isinstance(value, str) and value.startswith("0x"):
        return keccak256(parse_hex(value[2:], code="argument.syntax"))
    return word_of(kind, value)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # lone surrogates
        raise InvalidInput("argument.syntax", "a string is not well-formed Unicode") from error


def _leaves(types: Types, kind: str, value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for member in types[kind]:
        path, inner = above + member["name"], value[member["name"]]
        if member["type"] in types:
            yield from _leaves(types, member["type"], inner, path + ".")
        else:
            yield path, inner
