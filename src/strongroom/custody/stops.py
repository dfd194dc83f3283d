"""Stopping entries: few people, at once; the same effects serve a signer's latches before anything is logged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from strongroom.custody.authority import distinct, in_force, require_administrators, require_subject, stopping, unused
from strongroom.custody.state import CustodyState, Freeze, Phase, Transfer, TransferId
from strongroom.documents.canonical import fields
from strongroom.documents.envelope import Envelope
from strongroom.documents.names import parse_account, parse_label, parse_slug
from strongroom.documents.statement import Statement, from_envelope
from strongroom.errors import Refused, StrongroomError
from strongroom.log.entry import Entry

DAY_MS = 86_400_000
Signed = tuple[Statement, ...]


def frozen(state: CustodyState, signed: Signed, time: int, name: str) -> CustodyState:
    """One freezer stops for 24 h, once a week; two, together or one after another, until administrators end it."""
    subject = fields(signed[0].subject, "freeze", {"scope": str, "target": str, "reason": str})
    scope, target, reason = subject["scope"], subject["target"], parse_label(subject["reason"])
    if scope not in ("workspace", "tier", "wallet", "person") or (scope == "workspace") != (target == ""):
        raise Refused("freeze.scope", "a freeze is of the workspace, or of one tier, wallet or person")
    names = distinct(s.person for s in signed)
    if not names <= in_force(state).freezers:
        raise Refused("authority.threshold", "a freeze is signed by members of the freeze group only")
    there = [f for f in state.freezes.values() if (f.scope, f.target) == (scope, target and parse_slug(target))]
    there = [f for f in there if f.ends is None or f.ends > time]
    if any(f.ends is None and names <= f.people for f in there):
        raise Refused("freeze.in_force", "the same people's freeze is in force until administrators end it")
    people = names.union(*(f.people for f in there))
    alone = len(people) == 1
    if alone and any(f.people == names and time - f.time < 7 * DAY_MS for f in state.freezes.values()):
        raise Refused("freeze.weekly", "one person alone freezes once a week; a second freeze takes two people")
    ends = time + DAY_MS if alone else None
    freeze = Freeze(name, scope, target, reason, people, time, ends)
    return replace(state, freezes=state.freezes.set(name, freeze))


def closed(state: CustodyState, transfer: Transfer, reason: str) -> CustodyState:
    """Close an intent to new payments, whatever was noted about it; unauthorized, nothing is left to do for it."""
    if transfer.closed:
        raise Refused("intent.closed", f"the transfer was closed before: {transfer.closed}")
    unauthorized = transfer.authorization is None
    ended = replace(transfer, closed=reason, phase=Phase.CLOSED if unauthorized else transfer.phase, touched=state.size)
    still_open = state.open.delete(transfer.id) if unauthorized else state.open
    return replace(state, transfers=state.transfers.set(transfer.id, ended), open=still_open)


def proposed(state: CustodyState, name: object) -> bool:
    """Whether the log has opened a transfer of this id, however long ago it ended."""
    try:
        taken = bytes.fromhex(name) if isinstance(name, str) else b""
    except ValueError:
        return False
    return state.proposals.index.get(taken) == taken


def transfer_of(state: CustodyState, name: object) -> Transfer:
    """The transfer named, or Refused: as closed when it ended so long ago that the state has let it go."""
    found = state.transfers.get(TransferId(name)) if isinstance(name, str) else None
    if found is None:
        if proposed(state, name):
            raise Refused("intent.closed", "the transfer ended long ago")
        raise Refused("transfer.unknown", "the log holds no such transfer")
    return found


def rejected(state: CustodyState, signed: Signed, _time: int, _name: str) -> CustodyState:
    """One approver's no ends the intent, whichever rule matches it at this moment: windows must not mute a no."""
    transfer = transfer_of(state, fields(signed[0].subject, "rejection", {"transfer": str})["transfer"])
    if signed[0].person not in in_force(state).approvers:
        raise Refused("authority.not_an_approver", f"'{signed[0].person}' is neither an approver nor an administrator")
    return closed(state, transfer, f"rejected by {signed[0].person}")


def cancelled(state: CustodyState, signed: Signed, _time: int, _name: str) -> CustodyState:
    """The initiator takes the intent back."""
    transfer = transfer_of(state, fields(signed[0].subject, "cancellation", {"transfer": str})["transfer"])
    if signed[0].person != transfer.initiator:
        raise Refused("authority.not_the_initiator", "only its initiator cancels a transfer")
    return closed(state, transfer, f"cancelled by {transfer.initiator}")


def suspended(state: CustodyState, signed: Signed, _time: int, _name: str) -> CustodyState:
    """One administrator suspends a member."""
    subject = fields(signed[0].subject, "suspension", {"person": str})
    _one_administrator(state, signed)
    if subject["person"] not in in_force(state).members or subject["person"] in state.suspended:
        raise Refused("person.unknown", "the policy lists nobody of that name who is not suspended yet")
    renewed = state.renewed.set("person.reinstate", state.size)
    return replace(state, suspended=state.suspended | {subject["person"]}, renewed=renewed)


def on_reinstated(state: CustodyState, entry: Entry) -> CustodyState:
    """The administrators' threshold ends a suspension."""
    require_administrators(state, entry, "person.reinstate")
    name = fields(entry.body, "person.reinstated", {"person": str})["person"]
    if name not in state.suspended:
        raise Refused("person.unknown", "nobody of that name is suspended")
    return replace(state, suspended=state.suspended - {name})


def key_revoked(state: CustodyState, signed: Signed, _time: int, _name: str) -> CustodyState:
    """One administrator, or the credential itself, revokes a credential; nothing gives it back."""
    subject, policy = fields(signed[0].subject, "revocation", {"key": str}), in_force(state)
    holder = next((m.name for m in policy.members.values() if subject["key"] in m.credentials), None)
    if subject["key"] != signed[0].key:
        _one_administrator(state, signed)
        if holder in policy.administrators.members:
            raise Refused("credential.administrators", "suspend an administrator instead: a quorum can undo that")
    if holder is None or subject["key"] in state.revoked:
        raise Refused("credential.unknown", "no member holds such a key that is not revoked yet")
    return replace(state, revoked=state.revoked | {subject["key"]})


def wallet_closed(state: CustodyState, signed: Signed, _time: int, _name: str) -> CustodyState:
    """One administrator closes a wallet."""
    subject = fields(signed[0].subject, "closing", {"wallet": str})
    _one_administrator(state, signed)
    wallet = state.wallets.get(subject["wallet"])
    if wallet is None or wallet.closed:
        raise Refused("wallet.unknown", f"there is no open wallet '{subject['wallet'][:64]}'")
    return replace(state, wallets=state.wallets.set(wallet.name, replace(wallet, closed=True)))


def delisted(state: CustodyState, signed: Signed, _time: int, _name: str) -> CustodyState:
    """One administrator takes a destination off a list."""
    subject = fields(signed[0].subject, "delisting", {"account": str, "group": str})
    _one_administrator(state, signed)
    row = (parse_account(subject["account"]), subject["group"])
    if row not in state.addresses:
        raise Refused("address.unknown", "that address is not on that list")
    renewed = state.renewed.set("address.list", state.size)  # spare statements do not list it again
    return replace(state, addresses=state.addresses.delete(row), renewed=renewed)


def policy_withdrawn(state: CustodyState, signed: Signed, _time: int, _name: str) -> CustodyState:
    """So many administrators that the rest could not adopt it end a proposal."""
    subject = fields(signed[0].subject, "withdrawal", {"version": int})
    quorum = in_force(state).administrators
    blocking = len(quorum.members) - quorum.threshold + 1
    if len(distinct(s.person for s in signed) & quorum.members) < blocking:
        raise Refused("authority.threshold", f"a withdrawal needs {blocking} administrators")
    if state.proposal is None or state.proposal.policy.version != subject["version"]:
        raise Refused("policy.no_proposal", "no such proposal is open")
    return replace(state, proposal=None, renewed=state.renewed.set("policy.propose", state.size))


def _one_administrator(state: CustodyState, signed: Signed) -> None:
    if signed[0].person not in in_force(state).administrators.members:
        raise Refused("authority.threshold", "this takes an administrator")


Effect = Callable[[CustodyState, Signed, int, str], CustodyState]

STOPS: Final[dict[str, tuple[str, Effect]]] = {
    "workspace.frozen": ("workspace.freeze", frozen),
    "transfer.rejected": ("transfer.reject", rejected),
    "transfer.cancelled": ("transfer.cancel", cancelled),
    "person.suspended": ("person.suspend", suspended),
    "key.revoked": ("key.revoke", key_revoked),
    "wallet.closed": ("wallet.close", wallet_closed),
    "address.delisted": ("address.delist", delisted),
    "policy.withdrawn": ("policy.withdraw", policy_withdrawn),
}
"""Entry kind → the statement it needs, and its effect."""

STOP_STATEMENTS: Final = {statement: kind for kind, (statement, _) in STOPS.items()}


def apply_stop(state: CustodyState, kind: str, evidence: tuple[Envelope, ...], time: int) -> CustodyState:
    """The state after a stop of entry kind `kind`; raises Refused when its statements do not carry it."""
    statement_kind, effect = STOPS[kind]
    if not evidence:
        raise Refused("evidence.count", f"{kind} carries no statement")
    names = [unused(state, envelope) for envelope in evidence]
    signed = tuple(stopping(state, envelope, statement_kind) for envelope in evidence)
    for statement in signed:
        require_subject(statement, signed[0].subject)
    stopped = effect(state, signed, time, names[0])
    return replace(stopped, stops=stopped.stops.update(dict.fromkeys(names, time)))


def on_stop(state: CustodyState, entry: Entry) -> CustodyState:
    """Fold a stopping entry; its body repeats the subject of its statements."""
    stopped = apply_stop(state, entry.kind, entry.evidence, entry.time)
    require_subject(from_envelope(entry.evidence[0]), entry.body)
    return stopped


def on_unfrozen(state: CustodyState, entry: Entry) -> CustodyState:
    """The administrators' threshold ends a freeze."""
    require_administrators(state, entry, "workspace.unfreeze")
    name = fields(entry.body, "workspace.unfrozen", {"freeze": str})["freeze"]
    freeze = state.freezes.get(name)
    if freeze is None:
        raise Refused("freeze.unknown", "there is no such freeze")
    ended = replace(freeze, ends=min(entry.time, freeze.ends or entry.time))
    return replace(state, freezes=state.freezes.set(name, ended))


def latched(state: CustodyState, stops: Iterable[Envelope], now: int) -> tuple[CustodyState, list[Envelope]]:
    """The state once the stops that a signer holds, logged or not, have their effect; and those that have one."""
    effective = []
    for envelope in stops:
        try:
            state = apply_stop(state, STOP_STATEMENTS[from_envelope(envelope).kind], (envelope,), now)
        except StrongroomError:
            continue  # logged already, or the fold would refuse it: it ends here and cannot halt the log
        effective.append(envelope)
    return state, effective
