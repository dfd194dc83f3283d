"""The state's own digest: equal in every replica that folded the same entries (I16), and sealed into the log."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from strongroom.custody.snapshot import write
from strongroom.custody.state import CustodyState
from strongroom.documents.canonical import fields
from strongroom.errors import Refused
from strongroom.log.entry import Entry


def state_digest(state: CustodyState) -> str:
    """SHA-256 (hex) of the state's text, which names the hashes of whatever does not stand in it."""
    return hashlib.sha256(write(state)).hexdigest()


def on_sealed(state: CustodyState, entry: Entry) -> CustodyState:
    """The digest of the state before this entry: a divergence shows, and snapshots of that state can be told."""
    digest = fields(entry.body, "state.sealed", {"digest": str})["digest"]
    if state_digest(state) != digest:
        raise Refused("state.digest", "the sealed digest is not that of the state that the entries before it make")
    return replace(state, sealed=state.size)
