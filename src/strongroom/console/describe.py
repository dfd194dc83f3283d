"""What the forms of acts offer, and an intent that is not signed yet, in rows that a person can check."""

from __future__ import annotations

from typing import Any

from strongroom.console.console import Console
from strongroom.custody.words import money, party
from strongroom.documents.names import AccountId
from strongroom.pages.acts import Act
from strongroom.pages.rows import Row, paid


def intent(console: Console, subject: dict[str, Any]) -> list[Row]:
    """A transfer that has not been proposed yet."""
    found = {
        "does": [],
        "asset": subject["asset"],
        "amount": money(console.policy, subject["asset"], int(subject["amount"])),
        "to": party(console.state, AccountId(subject["to"])),
    }
    why = [Row("Why", subject["why"], "quote")] if subject["why"] else []
    return [*paid(found), Row("From", f"wallet {subject['from']}"), *why]


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
