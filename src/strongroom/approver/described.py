"""What somebody is about to sign on this machine, in rows from its own state; and what there is to stop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strongroom.approver.desk import APPROVE, Desk
from strongroom.approver.replica import Known
from strongroom.approver.showing import find, shown
from strongroom.custody.authority import in_force
from strongroom.custody.words import address_of
from strongroom.documents.names import parse_account
from strongroom.errors import StrongroomError
from strongroom.pages.acts import ACTS
from strongroom.pages.rows import Row


def rows(desk: Desk, known: Known, kind: str, subject: dict[str, Any]) -> list[Row]:
    """The subject of a statement with what this machine knows of it; raises InvalidInput transfer.unknown."""
    if "transfer" in subject:
        found = find(known.state, str(subject["transfer"]))
        return list(_transfer(shown(known.state, found, desk.person, desk.clock()), approving=kind == APPROVE))
    return [_field(known, name, value) for name, value in subject.items()]


def known_as(to: dict[str, Any]) -> str:
    """What the log knows of a destination."""
    if to["wallet"]:
        return f"own wallet {to['wallet']}"
    return f"listed as {', '.join(to['listed_as'])}" if to["listed_as"] else "on no list"


def _transfer(document: dict[str, Any], *, approving: bool) -> Iterator[Row]:
    amount, wallet = document["amount"], document["wallet"]
    for line in document["does"]:
        yield Row("Does", line, "quote")
    yield Row("Amount", amount["text"], "money", f"{amount['base_units']} base units of {document['asset']}")
    yield Row("To", document["to"]["address"], "address", known_as(document["to"]))
    yield Row("From", f"wallet {wallet['name']}", "", f"tier {wallet['tier']}")
    yield Row("Asked by", document["initiator"])
    if document["why"]:
        yield Row("Why", document["why"], "quote")
    if approving and document["decision"]["rule"]:
        yield Row("Rule", document["decision"]["rule"], "quote", document["terms"])
    yield Row("Transfer", document["id"], "hash")


def _field(known: Known, name: str, value: Any) -> Row:
    if name == "account" and isinstance(value, str):
        try:
            return Row("Address", address_of(parse_account(value)), "address", value)
        except StrongroomError:
            pass  # shown as it is: the fold says what is wrong with it
    if name == "key":
        members = in_force(known.state).members.values()
        holder = next((member.name for member in members if value in member.credentials), "nobody")
        return Row("Key", str(value), "hash", f"held by {holder}")
    text = value if isinstance(value, str) else json.dumps(value)
    return Row(name.capitalize(), text, "quote" if name in ("reason", "label") else "")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be stopped: the kind of statement and its subject, and what it says."""

    kind: str
    subject: dict[str, Any]
    text: str


def stops(desk: Desk) -> dict[str, list[Choice]]:
    """Everything that this person could stop now, by kind of statement; freezes have a form of their own."""
    state, policy, person = desk.state, in_force(desk.state), desk.person
    found = {
        "person.suspend": [
            Choice("person.suspend", {"person": name}, name) for name in sorted(policy.members.keys() - state.suspended)
        ],
        "key.revoke": [
            Choice("key.revoke", {"key": key.key_id}, f"{member.name}: {key.kind} {key.key_id[:12]}")
            for member in sorted(policy.members.values(), key=lambda member: (member.name != person, member.name))
            for key in member.credentials.values()
            if key.key_id not in state.revoked
        ],
        "wallet.close": [
            Choice("wallet.close", {"wallet": wallet.name}, wallet.name)
            for wallet in state.wallets.values()
            if not wallet.closed
        ],
        "address.delist": [
            Choice("address.delist", {"account": row.account, "group": row.group}, f"{row.label} ({row.group})")
            for row in state.addresses.values()
        ],
        "policy.withdraw": [
            Choice("policy.withdraw", {"version": state.proposal.policy.version}, "the proposed policy")
        ]
        if state.proposal
        else [],
    }
    able = {
        kind: [choice for choice in choices if ACTS[kind].part(state, person, choice.subject)]
        for kind, choices in found.items()
    }
    return {kind: choices for kind, choices in able.items() if choices}


def freezable(desk: Desk) -> list[tuple[str, str]]:
    """What a freeze can cover, as `scope:target` with its words; nothing for who does not freeze."""
    state, policy = desk.state, in_force(desk.state)
    if desk.person not in policy.freezers:
        return []
    scopes = [("workspace:", "everything: the whole workspace")]
    scopes += [(f"tier:{name}", f"tier {name}") for name in sorted(policy.tiers)]
    scopes += [(f"wallet:{name}", f"wallet {name}") for name in sorted(state.wallets)]
    return scopes + [(f"person:{name}", f"what {name} proposed") for name in sorted(policy.members)]
