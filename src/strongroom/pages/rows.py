"""What somebody is about to sign, in rows that a person can check, from a state of the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strongroom.custody.authority import in_force
from strongroom.custody.outline import obligations_of, summary
from strongroom.custody.state import CustodyState
from strongroom.custody.stops import transfer_of
from strongroom.custody.words import address_of, terms
from strongroom.documents.names import parse_account
from strongroom.errors import InvalidInput, StrongroomError


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what it is, the text, and `form` (money, address, hash, quote or nothing) for how it is shown."""

    name: str
    text: str
    form: str = ""
    note: str = ""


def rows(state: CustodyState, kind: str, subject: dict[str, Any], now: int) -> list[Row]:
    """The subject of a statement with what the log knows about it; raises StrongroomError for what it does not hold."""
    if "transfer" in subject:
        return list(_transfer(state, kind, subject["transfer"], now))
    if kind == "workspace.freeze":
        covers = f"{subject['scope']} {subject['target']}".strip()
        return [Row("Covers", covers), Row("Why", str(subject["reason"]), "quote")]
    if kind == "workspace.unfreeze":
        return list(_freeze(state, subject["freeze"]))
    return [_field(state, name, value) for name, value in subject.items()]


def known_as(to: dict[str, Any]) -> str:
    """What the log knows of a destination."""
    if to["wallet"]:
        return f"own wallet {to['wallet']}"
    return f"listed as {', '.join(to['listed_as'])}" if to["listed_as"] else "on no list"


def paid(document: dict[str, Any]) -> list[Row]:
    """Of a transfer's summary: what it does, how much, to whom; a call or a message is told before all figures."""
    amount, to = document["amount"], document["to"]
    return [
        *(Row("Does", line, "quote") for line in document["does"]),
        Row("Amount", amount["text"], "money", f"{amount['base_units']} base units of {document['asset']}"),
        Row("To", to["address"], "address", known_as(to)),
    ]


def _transfer(state: CustodyState, kind: str, name: Any, now: int) -> Iterator[Row]:
    transfer = transfer_of(state, name)
    wallet, found = state.wallets[transfer.intent.wallet], obligations_of(state, transfer, now)
    yield from paid(summary(state, transfer))
    yield Row("From", f"wallet {wallet.name}", "", f"tier {wallet.tier}")
    yield Row("Asked by", transfer.initiator)
    if transfer.intent.why:
        yield Row("Why", transfer.intent.why, "quote")
    if found is not None and kind == "transfer.approve":
        policy = in_force(state)
        yield Row("Rule", found.rule, "quote", terms(policy, found.terms, policy.chains[wallet.chain].native))
    yield Row("Transfer", transfer.id, "hash")


def _freeze(state: CustodyState, name: Any) -> Iterator[Row]:
    found = state.freezes.get(name)
    if found is None:
        raise InvalidInput("freeze.unknown", "there is no such freeze")
    yield Row("Frozen", f"{found.scope} {found.target}".strip())
    yield Row("By", ", ".join(sorted(found.people)))
    yield Row("Why", found.reason, "quote")


def _field(state: CustodyState, name: str, value: Any) -> Row:
    if name == "account" and isinstance(value, str):
        try:
            return Row("Address", address_of(parse_account(value)), "address", value)
        except StrongroomError:
            pass  # shown as it is: the fold says what is wrong with it
    members = in_force(state).members.values()
    holders = [member.name for member in members if isinstance(value, str) and value in member.credentials]
    if holders:
        return Row("Key", str(value), "hash", f"held by {holders[0]}")
    text = value if isinstance(value, str) else json.dumps(value)
    form = "hash" if name == "policy" else "quote" if name == "label" else ""
    return Row(name.capitalize(), text, form)
