"""The fold: `state = fold(apply, entries)`; deterministic, without I/O or clock, raising on what is not allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from strongroom.custody import digest, keys, nodes, repair, stops, transfers, wallets, witnesses, workspace
from strongroom.custody.authority import unused
from strongroom.custody.record import replace
from strongroom.custody.retention import tidied
from strongroom.custody.screening import on_screened
from strongroom.custody.state import ROOTS_KEPT, CustodyState
from strongroom.custody.valuation import on_stated
from strongroom.errors import Refused
from strongroom.log.entry import Entry

Handler = Callable[[CustodyState, Entry], CustodyState]

HANDLERS: Final[dict[str, Handler]] = {
    "workspace.created": workspace.on_created,
    "policy.proposed": workspace.on_proposed,
    "policy.adopted": workspace.on_adopted,
    "workspace.unfrozen": stops.on_unfrozen,
    "person.reinstated": stops.on_reinstated,
    "log.repaired": repair.on_repaired,
    "signer.enrolled": witnesses.on_change,
    "signer.retired": witnesses.on_change,
    "witnesses.changed": witnesses.on_changed,
    "signer.started": nodes.on_started,
    "signer.barred": nodes.on_barred,
    "key.generated": keys.on_generated,
    "key.refreshed": keys.on_refreshed,
    "wallet.opened": wallets.on_opened,
    "address.listed": wallets.on_listed,
    "transfer.proposed": transfers.on_proposed,
    "transfer.approved": transfers.on_approved,
    "transfer.authorized": transfers.on_authorized,
    "transfer.replaced": transfers.on_replaced,
    "transfer.signed": transfers.on_signed,
    "transfer.completed": transfers.on_ended,
    "transfer.failed": transfers.on_ended,
    "transfer.screened": on_screened,
    "valuation.stated": on_stated,
    "state.sealed": digest.on_sealed,
    **dict.fromkeys(stops.STOPS, stops.on_stop),
}
"""Every kind of entry there is; what each requires stands in its handler."""

AUTHORED: Final = frozenset(
    {
        "policy.adopted",
        "transfer.authorized",
        "transfer.replaced",
        "transfer.signed",
        "state.sealed",
        "witnesses.changed",
    }
)
"""What the coordinator makes of what the fold knows already: nobody states it."""

COUNTED_ONCE: Final = {"policy.proposed", "workspace.unfrozen", "person.reinstated", "key.generated"} | {
    "wallet.opened",
    "address.listed",
}
"""Grants whose statements could otherwise serve again after a stop; stops count once themselves, and a transfer's
statements are bound to its id."""


def apply(state: CustodyState, entry: Entry) -> CustodyState:
    """The state after one more entry; raises InvalidInput, Refused or Denied, and then `state` still holds."""
    handler = HANDLERS.get(entry.kind)
    if handler is None:
        raise Refused("entry.unknown_kind", f"this release knows no entry of kind {entry.kind[:64]}")
    if not state.workspace and entry.kind != "workspace.created":
        raise Refused("workspace.missing", "the log does not begin with workspace.created")
    if entry.time < state.time:
        raise Refused("time.backwards", "an entry is older than the one before it")
    if entry.evidence and entry.kind in AUTHORED:
        raise Refused("evidence.count", f"{entry.kind} carries no statement")
    once = {unused(state, e): entry.time for e in entry.evidence} if entry.kind in COUNTED_ONCE else {}
    after = handler(state, entry)
    tree, root = state.tree.grown(entry.leaf)
    roots = after.roots.set(tree.size, root)
    if tree.size > ROOTS_KEPT:
        roots = roots.delete(tree.size - ROOTS_KEPT)
    after = replace(after, stops=after.stops.update(once)) if once else after
    return tidied(replace(after, tree=tree, time=entry.time, roots=roots))
