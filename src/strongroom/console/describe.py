"""What an act is about, in rows that a person can check before the passkey is touched."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from strongroom.console.console import Console
from strongroom.custody.outline import obligations_of
from strongroom.custody.stops import transfer_of
from strongroom.custody.words import address_of, money, party, terms
from strongroom.documents.names import AccountId, parse_account
from strongroom.errors import InvalidInput, StrongroomError
from strongroom.pages.acts import Act
from strongroom.pages.rows import Row


def rows(console: Console, act: Act, subject: dict[str, Any]) -> list[Row]:
    """The subject of an act with what the log knows about it; raises StrongroomError for what does not exist."""
    if "transfer" in subject:
        return list(_transfer(console, subject["transfer"], approving=act.kind == "transfer.approve"))
    if act.kind == "workspace.freeze":
        covers = f"{subject['scope']} {subject['target']}".strip()
        return [Row("Covers", covers), Row("Why", subject["reason"], "quote")]
    if act.kind == "workspace.unfreeze":
        return list(_freeze(console, subject["freeze"]))
    if act.kind == "key.revoke":
        return list(_key(console, subject["key"]))
    return [_field(name, value) for name, value in subject.items()]


def intent(console: Console, subject: dict[str, Any]) -> list[Row]:
    """An intent that has not been proposed yet."""
    found = party(console.state, AccountId(subject["to"]))
    amount = money(console.policy, subject["asset"], int(subject["amount"]))
    return [
        Row("Amount", amount["text"], "money", f"{amount['base_units']} base units of {subject['asset']}"),
        Row("To", found["address"], "address", known_as(found)),
        Row("From", f"wallet {subject['from']}"),
        *([Row("Why", subject["why"], "quote")] if subject["why"] else []),
    ]


def known_as(found: dict[str, Any]) -> str:
    """What the log knows of a destination."""
    if found["wallet"]:
        return f"own wallet {found['wallet']}"
    return f"listed as {', '.join(found['listed_as'])}" if found["listed_as"] else "on no list"


def choices(console: Console, act: Act) -> dict[str, list[tuple[str, str]]]:
    """What the fields of an act can be, as far as they are a choice: values with their words."""
    if act.kind == "workspace.freeze":
        state, policy = console.state, console.policy
        scopes = [("workspace:", "everything: the whole workspace")]
        scopes += [(f"tier:{name}", f"tier {name}") for name in sorted(policy.tiers)]
        scopes += [(f"wallet:{name}", f"wallet {name}") for name in sorted(state.wallets)]
        return {"covers": scopes + [(f"person:{name}", f"what {name} proposed") for name in sorted(policy.members)]}
    if act.kind == "address.list":
        chains = [(str(name), str(name)) for name in sorted(console.policy.chains)]
        return {"chain": chains, "group": [(name, name) for name in sorted(console.policy.address_groups)]}
    return {}


def _transfer(console: Console, name: Any, *, approving: bool) -> Iterable[Row]:
    state, policy = console.state, console.policy
    transfer = transfer_of(state, name)
    asked, found = transfer.intent, obligations_of(state, transfer, console.clock())
    amount, to = money(policy, asked.asset, asked.amount), party(state, asked.to)
    yield Row("Amount", amount["text"], "money", f"{amount['base_units']} base units of {asked.asset}")
    yield Row("To", to["address"], "address", known_as(to))
    yield Row("From", f"wallet {asked.wallet}")
    yield Row("Asked by", transfer.initiator)
    if asked.why:
        yield Row("Why", asked.why, "quote")
    if found is not None and approving:
        native = policy.chains[state.wallets[asked.wallet].chain].native
        yield Row("Rule", found.rule, "quote", terms(policy, found.terms, native))
    yield Row("Transfer", transfer.id, "hash")


def _freeze(console: Console, name: str) -> Iterable[Row]:
    found = console.state.freezes.get(name)
    if found is None:
        raise InvalidInput("freeze.unknown", "there is no such freeze")
    yield Row("Frozen", f"{found.scope} {found.target}".strip())
    yield Row("By", ", ".join(sorted(found.people)))
    yield Row("Why", found.reason, "quote")


def _key(console: Console, name: str) -> Iterable[Row]:
    for member in console.policy.members.values():
        if name in member.credentials:
            yield Row("Holder", member.name)
            yield Row("Kind", member.credentials[name].kind)
    yield Row("Key", name, "hash")


def _field(name: str, value: Any) -> Row:
    if name == "account" and isinstance(value, str):
        try:
            return Row("Address", address_of(parse_account(value)), "address", value)
        except StrongroomError:
            pass  # shown as it is: the fold says what is wrong with it
    text = value if isinstance(value, str) else json.dumps(value)
    form = "hash" if name == "policy" else "quote" if name in ("reason", "label") else ""
    return Row(name.capitalize(), text, form)
