"""Typed messages by exact schema: what is not said in the policy is not signed, and nothing that lets others spend."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from strongroom.documents.canonical import encode
from strongroom.documents.typed import parse_message
from strongroom.errors import InvalidInput
from strongroom.policy.rules import parse_rule
from strongroom.policy.schemas import parse_schema
from tests.unit.documents.test_typed import BOB, COW, MAIL, changed, member, message

MAIL_SCHEMA: dict[str, Any] = {
    "chain": "eip155:1",
    "domain": MAIL["domain"],
    "primary_type": "Mail",
    "types": MAIL["types"],
    "fields": [{"field": "from.wallet", "own_wallet": True}, {"field": "to.wallet", "is": [BOB]}],
}


def test_the_guide_s_examples_load() -> None:
    guide = Path(__file__).parents[3] / "docs/guides/operations.md"
    rule, messages = (json.loads(block) for block in re.findall(r"(?ms)^```json\n(.*?)^```$", guide.read_text()))
    assert parse_rule(0, rule, 2).condition.operations
    assert parse_schema("order", messages["messages"]["order"]).constraints


def admitted(doc: dict[str, Any], **schema: Any) -> bool:
    read = parse_schema("message", {**MAIL_SCHEMA, **schema})
    assert read.describes(message(doc))
    return read.admits(message(doc), lambda address: address == COW)


def test_a_message_of_exactly_the_schema_is_admitted() -> None:
    assert admitted(MAIL)


def test_a_message_of_another_kind_is_not_described() -> None:
    inner = {"primary_type": "Person", "types": {"Person": MAIL["types"]["Person"]}, "fields": MAIL["fields"]["to"]}
    others = (
        changed(lambda doc: doc["domain"].update(version="2")),
        changed(lambda doc: doc["domain"].pop("version")),
        changed(lambda doc: doc["types"]["Mail"].reverse()),
        {**MAIL, **inner},
    )
    broken = {**MAIL, "fields": {**MAIL["fields"], "contents": "x", "to": {"name": "Bob", "wallet": "bob"}}}
    assert not parse_schema("message", MAIL_SCHEMA).describes(parse_message(encode(broken)))
    assert not any(parse_schema("message", MAIL_SCHEMA).describes(message(other)) for other in others)


def test_a_message_that_breaks_a_constraint_is_not_admitted() -> None:
    assert not admitted(changed(lambda doc: doc["fields"]["from"].update(wallet=BOB)))
    assert not admitted(changed(lambda doc: doc["fields"]["to"].update(wallet=COW)))


def test_a_text_can_be_one_of_several() -> None:
    assert admitted(MAIL, fields=[{"field": "contents", "is": ["Hello, Bob!", "\u202e"]}])
    assert not admitted(MAIL, fields=[{"field": "contents", "is": ["Hello"]}])


@pytest.mark.parametrize("name", ["Permit", "PermitSingle", "permit", "TransferWithAuthorization"])
def test_a_message_that_would_spend_is_refused_by_its_name(name: str) -> None:
    types = {name: [member("value", "uint256")]}
    with pytest.raises(InvalidInput, match=r"policy\.message_allowance"):
        parse_schema("message", {**MAIL_SCHEMA, "primary_type": name, "types": types, "fields": []})


@pytest.mark.parametrize("amount", [[member("value", "uint160")], [member("inner", "Inner")]])
def test_a_struct_with_a_spender_and_an_amount_is_refused(amount: list[dict[str, str]]) -> None:
    types = {
        "Order": [member("details", "Details"), member("inner", "Inner")],
        "Inner": [member("number", "uint8")],
        "Details": [member("Spender", "address"), *amount],
    }
    with pytest.raises(InvalidInput, match=r"policy\.message_allowance"):
        parse_schema("message", {**MAIL_SCHEMA, "primary_type": "Order", "types": types, "fields": []})


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("policy.message_chain", {"chain": "eip155:2"}),
        ("message.domain", {"domain": {"name": "x"}}),
        ("message.types", {"primary_type": "Letter"}),
        ("policy.constraint", {"fields": [{"field": "to", "is": ["x"]}]}),
        ("policy.constraint", {"fields": [{"field": "to.age", "is": ["x"]}]}),
        ("policy.constraint", {"fields": [{"field": "contents", "max": "1"}]}),
        ("document.unknown_field", {"fields": [{"index": 1, "field": "contents", "is": ["x"]}]}),
    ],
)
def test_a_schema_that_no_message_could_have_is_refused(code: str, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_schema("message", {**MAIL_SCHEMA, **change})
    assert refused.value.code == code
