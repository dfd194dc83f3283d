"""A coordinator's home made anew: its configuration, its log from a replica, and what a new log key asks of others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from strongroom.cli.files import write_document
from strongroom.cli.homes import new_coordinator, pin_coordinator
from strongroom.cli.replica import Replica
from strongroom.cli.roles import rebuild_log
from strongroom.custody.authority import in_force
from strongroom.custody.state import CustodyState
from strongroom.documents.credentials import SigningKey
from strongroom.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the new coordinator listens (`relay` "": where the replica's node dials), and its chains' nodes."""

    api: str
    relay: str
    chains: dict[str, str]


def rebuild(
    home: Path, replica: Replica, key: SigningKey, settings: Settings, tell: Callable[[int], None]
) -> tuple[CustodyState, bool]:
    """Make the home; the state of its log, and whether the policy names its log key. Nothing is left on a failure.

    For a key that it does not name, next-policy.json in the home is the version to propose.
    """
    part = home.with_name(home.name + ".part")
    if home.exists() or part.exists():
        raise InvalidInput("file.exists", f"{home} or {part.name} exists and is kept", "name another home")
    try:
        new_coordinator(part, settings.api, settings.relay or replica.relay, settings.chains, key)
        pin_coordinator(part, replica.workspace)
        state = rebuild_log(part, replica.entries, replica.notes, tell)
        policy = in_force(state)
        named = policy.coordinator == key.credential
        if not named:
            changes = {"version": policy.version + 1, "coordinator": key.credential.to_doc()}
            write_document(part / "next-policy.json", {**policy.document, **changes})
        part.rename(home)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return state, named
