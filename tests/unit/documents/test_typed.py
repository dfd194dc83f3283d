"""Typed messages against the standard's own example and eth-account; what could be hashed in two ways is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.canonical import encode
from strongroom.documents.keccak import keccak256
from strongroom.documents.typed import TypedMessage, check_kind, parse_message, preimage, type_of
from strongroom.errors import InvalidInput

COW, BOB = "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826", "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
MAIL: dict[str, Any] = {
    "schema": "mail",
    "domain": {
        "name": "Ether Mail",
        "version": "1",
        "chainId": "1",
        "verifyingContract": "0xcccccccccccccccccccccccccccccccccccccccc",
    },
    "primary_type": "Mail",
    "types": {
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Mail": [
            {"name": "from", "type": "Person"},
            {"name": "to", "type": "Person"},
            {"name": "contents", "type": "string"},
        ],
    },
    "fields": {
        "from": {"name": "Cow", "wallet": COW},
        "to": {"name": "Bob", "wallet": BOB},
        "contents": "Hello, Bob!",
    },
}
"""The example of EIP-712, whose digest the standard gives."""


def message(doc: dict[str, Any]) -> TypedMessage:
    """The message, once its kind and its values are found good."""
    read = parse_message(encode(doc))
    check_kind(read.domain, read.primary_type, read.types)
    preimage(read)
    return read


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    doc = copy.deepcopy(MAIL)
    change(doc)
    return doc


def test_the_example_of_the_standard_has_its_digest() -> None:
    signed = preimage(message(MAIL))
    assert signed[2:34].hex() == "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f"
    assert signed[34:].hex() == "c52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e"
    assert keccak256(signed).hex() == "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "address": st.binary(min_size=20, max_size=20).map(lambda data: "0x" + data.hex()),
    "bool": st.booleans(),
    "uint256": st.integers(0, 2**256 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes4": st.binary(min_size=4, max_size=4),
    "bytes": st.binary(max_size=80),
    "string": st.text(st.characters(codec="utf-8"), max_size=40),
}


@st.composite
def kinds(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Types of three structs, each made of words and of structs after it, and a value of the first."""
    names = ["Alpha", "Beta_2", "gamma"]
    types = {
        name: [
            {"name": f"f{number}", "type": kind}
            for number, kind in enumerate(
                [*draw(st.lists(st.sampled_from([*VALUES, *names[at + 1 :]]), max_size=4)), *names[at + 1 : at + 2]]
                or ["bool"]
            )
        ]
        for at, name in enumerate(names)
    }

    def value(kind: str) -> Any:
        if kind in types:
            return {member["name"]: value(member["type"]) for member in types[kind]}
        return draw(VALUES[kind])

    return types, value("Alpha")


def spelled(value: Any) -> Any:
    """A value as a message of ours has it: every leaf a text."""
    match value:
        case dict():
            return {name: spelled(inner) for name, inner in value.items()}
        case bool():
            return str(value).lower()
        case bytes():
            return "0x" + value.hex()
    return str(value)


@given(kinds(), st.integers(1, 2**53 - 1))
def test_the_digest_is_that_of_another_library(kind: tuple[dict[str, Any], dict[str, Any]], chain: int) -> None:
    types, value = kind
    ours = message(
        {
            "schema": "any",
            "domain": {"name": "é", "chainId": str(chain), "salt": "0x" + "07" * 32},
            "primary_type": "Alpha",
            "types": types,
            "fields": spelled(value),
        }
    )
    domain = {"name": "é", "chainId": chain, "salt": bytes([7]) * 32}
    theirs = encode_typed_data(domain_data=domain, message_types=types, message_data=value)
    assert preimage(ours) == b"\x19" + theirs.version + theirs.header + theirs.body


def test_a_value_is_found_by_its_path() -> None:
    found = [type_of(MAIL["types"], "Mail", path) for path in ("to.wallet", "contents", "to", "to.x", "x.y", "")]
    assert found == ["address", "string", None, None, None, None]


def member(name: str, kind: str) -> dict[str, str]:
    return {"name": name, "type": kind}


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("message.domain", lambda doc: doc["domain"].pop("chainId")),
        ("message.domain", lambda doc: doc["domain"].update(extra="1")),
        ("argument.syntax", lambda doc: doc["domain"].update(verifyingContract="0x" + "CC" * 20)),
        ("document.type", lambda doc: doc["domain"].update(chainId=1)),
        ("message.types", lambda doc: doc["types"].update(Unused=[member("a", "bool")])),
        ("message.types", lambda doc: doc.update(primary_type="Person")),
        ("message.types", lambda doc: doc.update(primary_type="Letter")),
        ("document.missing_field", lambda doc: doc["types"]["Person"].append(member("self", "Person"))),
        ("message.types", lambda doc: doc["types"]["Person"].append(member("name", "bool"))),
        ("message.types", lambda doc: doc["types"]["Person"].append(member("all", "Person[]"))),
        ("message.types", lambda doc: doc["types"]["Person"].append(member("age", "uint"))),
        ("message.types", lambda doc: doc["types"]["Person"].append(member("age", "int256"))),
        ("message.types", lambda doc: doc["types"]["Person"].append(member("a,bool b", "bool"))),
        ("message.types", lambda doc: doc["types"].update(Mail="Person")),
        ("message.types", lambda doc: doc["types"].update(uint256=[member("a", "bool")])),
        ("message.types", lambda doc: doc["types"].update({"Mail(": [member("a", "bool")]})),
        ("document.unknown_field", lambda doc: doc["fields"].update(extra="1")),
        ("document.missing_field", lambda doc: doc["fields"]["to"].pop("wallet")),
        ("document.type", lambda doc: doc["fields"].update(contents=7)),
        ("document.type", lambda doc: doc["fields"].update(to="Bob")),
        ("argument.syntax", lambda doc: doc["fields"]["to"].update(wallet=BOB.upper())),
        ("document.type", lambda doc: doc.update(schema=7)),
    ],
)
def test_what_could_be_meant_otherwise_is_refused(code: str, change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        message(changed(change))
    assert refused.value.code == code


@pytest.mark.parametrize("text", ["", "ab", "0xAB", "0xabc"])
def test_bytes_have_one_spelling(text: str) -> None:
    doc = changed(lambda doc: doc["types"]["Mail"].append(member("data", "bytes")))
    doc["fields"]["data"] = text
    with pytest.raises(InvalidInput, match=r"argument\.syntax"):
        message(doc)
