"""Entries about nodes: their starts, and pairs that may not meet again."""

from __future__ import annotations

from dataclasses import replace

from strongroom.custody.authority import granting, in_force, require_subject, single, stopping
from strongroom.custody.state import Bar, Boot, CustodyState
from strongroom.documents.canonical import fields
from strongroom.documents.names import parse_hash
from strongroom.errors import Refused
from strongroom.log.entry import Entry


def on_started(state: CustodyState, entry: Entry) -> CustodyState:
    """A node's new boot id and key-agreement key; it must have seen its previous start."""
    body = fields(entry.body, "signer.started", {"node": str, "boot": str, "exchange": str})
    statement = granting(state, single(entry), "signer.start", entry.time)
    require_subject(statement, body)
    if statement.person != body["node"] or body["node"] not in in_force(state).nodes:
        raise Refused("node.unknown", "only an enrolled node states its own start")
    boot = Boot(parse_hash(body["boot"]), parse_hash(body["exchange"]), state.size)
    previous = state.boots.get(body["node"])
    if boot.boot in state.boot_ids:
        raise Refused("session.boot_superseded", "this boot was logged before")
    if previous and statement.seen is not None and statement.seen.size <= previous.index:
        raise Refused("session.boot_superseded", "the node made this statement before its previous start was logged")
    boots = state.boots.set(body["node"], boot)
    return replace(state, boots=boots, boot_ids=state.boot_ids.set(boot.boot, body["node"]))


def on_barred(state: CustodyState, entry: Entry) -> CustodyState:
    """The accusing signer's own statement ends all sessions of the pair in that epoch of the key."""
    shape = {"key": str, "epoch": int, "accuser": str, "peer": str, "session": str, "reason": str}
    body = fields(entry.body, "signer.barred", shape)
    statement = stopping(state, single(entry), "signer.bar")
    require_subject(statement, body)
    key = state.keys.get(body["key"])
    if key is None or (statement.person, body["epoch"]) != (body["accuser"], key.epoch):
        raise Refused("signer.barred", "a signer bars a peer of one of its own keys, in the key's epoch")
    pair = frozenset((body["accuser"], body["peer"]))
    if len(pair) != 2 or not pair <= set(key.participants):
        raise Refused("signer.barred", "both signers must hold shares of the key")
    return replace(state, bars=state.bars | {Bar(key.name, body["epoch"], pair)})
