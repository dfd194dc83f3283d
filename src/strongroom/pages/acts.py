"""What people can do on these pages: each act is one kind of statement, its subject, and who has a part in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from strongroom.chains.evm.checksum import parse_address
from strongroom.custody.authority import in_force
from strongroom.custody.outline import obligations_of
from strongroom.custody.state import CustodyState, Transfer, TransferId
from strongroom.custody.stops import STOP_STATEMENTS
from strongroom.documents.canonical import fields, parse_loose
from strongroom.errors import InvalidInput
from strongroom.pages.forms import need

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

Subject = Mapping[str, Any]
Part = Callable[[CustodyState, str, Subject], bool]
"""Whether a person has a part in it: what comes of their statement, the fold alone decides."""


@dataclass(frozen=True, slots=True)
class Act:
    """One kind of statement as the pages offer it.

    `asks` are the fields that a person fills in here; `fields` all of the subject; `done` is said afterwards;
    `back` is the page to return to, `page` the one that shows it, where it has one of its own.
    What others sign, too, holds for a day, all else for an hour.
    """

    kind: str
    title: str
    verb: str
    done: str
    fields: tuple[str, ...]
    part: Part
    back: str
    asks: tuple[str, ...] = ()
    warning: str = ""
    shared: bool = False
    page: str = ""

    @property
    def stops(self) -> bool:
        """Whether it stops something: then it needs nothing that was seen."""
        return self.kind in STOP_STATEMENTS

    @property
    def lasts(self) -> int:
        """Milliseconds that a statement of it holds."""
        return DAY_MS if self.shared else HOUR_MS

    def subject(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The subject in a page's parameters: whole as JSON in `subject`, or field by field."""
        if "subject" in given:
            return fields(parse_loose(given["subject"].encode()), "the subject", {n: _types(n) for n in self.fields})
        spelled = _spelled(given)
        return {
            name: _version(need(spelled, name)) if name == "version" else need(spelled, name) for name in self.fields
        }


def _types(name: str) -> type:
    return {"version": int, "until": int, "path": list, "routes": list}.get(name, str)


def _spelled(given: Mapping[str, str]) -> dict[str, str]:
    """What forms ask for as people say it, as statements do: `covers` is scope and target, `address` an account."""
    spelled = dict(given)
    if "covers" in given:
        spelled["scope"], _, spelled["target"] = given["covers"].partition(":")
    if "address" in given:
        spelled["account"] = f"{need(given, 'chain')}:{parse_address(given['address'])}"
    return spelled


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput("policy.version", "a version is a number")
    return int(text)


def _everyone(_state: CustodyState, _person: str, _subject: Subject) -> bool:
    return True


def _administrator(state: CustodyState, person: str, _subject: Subject) -> bool:
    return person in in_force(state).administrators.members


def _freezer(state: CustodyState, person: str, _subject: Subject) -> bool:
    return person in in_force(state).freezers


def _approver(state: CustodyState, person: str, subject: Subject) -> bool:
    transfer = _transfer(state, subject)
    found = obligations_of(state, transfer, state.time) if transfer else None
    return found is None or bool(in_force(state).groups_of(person) & found.groups)


def _rejecter(state: CustodyState, person: str, _subject: Subject) -> bool:
    return person in in_force(state).approvers


def _initiator(state: CustodyState, person: str, subject: Subject) -> bool:
    transfer = _transfer(state, subject)
    return transfer is not None and transfer.initiator == person


def _holder(state: CustodyState, person: str, subject: Subject) -> bool:
    member = in_force(state).members.get(person)
    own = member is not None and subject.get("key") in member.credentials
    return own or _administrator(state, person, subject)


def _lister(state: CustodyState, person: str, subject: Subject) -> bool:
    groups = in_force(state).address_groups
    name = subject.get("group")
    asked = [groups[name]] if isinstance(name, str) and name in groups else groups.values()
    return any(person in group.quorum.members for group in asked)


def _transfer(state: CustodyState, subject: Subject) -> Transfer | None:
    name = subject.get("transfer")
    return state.transfers.get(TransferId(name)) if isinstance(name, str) else None


_ONE_TRANSFER: Final = ("transfer",)
_INTENT: Final = ("from", "to", "asset", "amount", "why", "until", "idempotency")

ACTS: Final = {
    act.kind: act
    for act in (
        Act(
            "transfer.propose", "Propose a transfer", "Propose", "Proposed", _INTENT, _everyone, "/transfers",
            page="/propose",
        ),
        Act(
            "transfer.approve", "Approve a transfer", "Approve", "Approved", _ONE_TRANSFER, _approver,
            "/transfers/{transfer}",
        ),
        Act(
            "transfer.reject", "Reject a transfer", "Reject", "Rejected", _ONE_TRANSFER, _rejecter,
            "/transfers/{transfer}", warning="One rejection ends the transfer. Nothing opens it again.",
        ),
        Act(
            "transfer.cancel", "Take back a transfer", "Take it back", "Taken back", _ONE_TRANSFER, _initiator,
            "/transfers/{transfer}", warning="It ends here. Nothing opens it again.",
        ),
        Act(
            "workspace.freeze", "Freeze", "Freeze", "Frozen", ("scope", "target", "reason"), _freezer, "/",
            ("covers", "reason"),
            "Nothing that it covers is signed any more. One person's freeze ends after 24 hours, and there is one a "
            "week; with a second person it stays until administrators end it.", shared=True,
        ),
        Act(
            "workspace.unfreeze", "End a freeze", "End the freeze", "The freeze has ended", ("freeze",),
            _administrator, "/", shared=True,
        ),
        Act(
            "person.suspend", "Suspend somebody", "Suspend", "Suspended", ("person",), _administrator, "/people",
            warning="None of their keys counts from now on, and what they have proposed is not signed.",
        ),
        Act(
            "person.reinstate", "End a suspension", "Reinstate", "Reinstated", ("person",), _administrator, "/people",
            shared=True,
        ),
        Act(
            "key.revoke", "Revoke a key", "Revoke", "Revoked", ("key",), _holder, "/people",
            warning="Nothing gives a revoked key back: its holder has to enrol another.",
        ),
        Act(
            "wallet.open", "Open a wallet", "Open", "Opened", ("name", "chain", "key", "path", "tier", "routes"),
            _administrator, "/wallets", shared=True,
        ),
        Act(
            "wallet.close", "Close a wallet", "Close", "Closed", ("wallet",), _administrator, "/wallets",
            warning="Nothing is sent from a closed wallet; nothing opens it again.",
        ),
        Act(
            "address.list", "List a destination", "List", "Listed", ("account", "group", "label"), _lister,
            "/wallets", ("chain", "address", "group", "label"), shared=True,
        ),
        Act(
            "address.delist", "Take a destination off its list", "Delist", "Delisted", ("account", "group"),
            _administrator, "/wallets",
        ),
        Act(
            "policy.propose", "Sign the next policy", "Sign this policy", "Signed", ("policy", "version"),
            _administrator, "/policy", shared=True, page="/policy/draft",
        ),
        Act(
            "policy.withdraw", "Withdraw the proposed policy", "Withdraw", "Withdrawn", ("version",), _administrator,
            "/policy", shared=True,
        ),
    )
}  # fmt: skip


def link(**subject: Any) -> str:
    """The parameters by which a page offers an act about exactly this subject."""
    return json.dumps(subject, separators=(",", ":"), ensure_ascii=False)
