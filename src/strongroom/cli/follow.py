"""Follow one transfer until it ends, or until only somebody or something else can move it on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from strongroom.cli.client import Client
from strongroom.cli.exits import Exit
from strongroom.errors import Unreachable

GRACE: Final = {"stalled": 3.0, "refused": 5.0, "awaiting_screening": 10.0}
"""Seconds that a state must last before it counts: a node may come back, other signers may be asked."""

_EXITS: Final = {
    "completed": Exit.DONE,
    "failed": Exit.FAILED,
    "closed": Exit.DENIED,
    "denied": Exit.DENIED,
    "awaiting_approvals": Exit.WAITING,
    "awaiting_screening": Exit.WAITING,
    "delayed": Exit.WAITING,
    "refused": Exit.REFUSED,
    "stalled": Exit.UNREACHABLE,
    "in_progress": Exit.UNREACHABLE,
}


def exit_of(status: str) -> Exit:
    """The exit code of a command that waited and left the transfer in this status."""
    return _EXITS.get(status, Exit.FAILED)


def follow(client: Client, transfer: str, timeout: float, show: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The transfer's last document; `show` is called with each one that differs. Timeout in seconds.

    A coordinator that restarts meanwhile is waited for.
    """
    deadline = time.monotonic() + timeout
    document: dict[str, Any] = {}
    status, since = "", time.monotonic()
    while True:
        try:
            query = {"wait": 1, "version": document["version"]} if document else {}
            newest = client.get(f"/v1/transfers/{transfer}", **query)
        except Unreachable:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.5)
            continue
        if newest.get("version") != document.get("version"):
            show(newest)
        document = newest
        if document["status"] != status:
            status, since = document["status"], time.monotonic()
        if _settled(document, time.monotonic() - since, deadline) or time.monotonic() >= deadline:
            return document


def _settled(document: dict[str, Any], lasted: float, deadline: float) -> bool:
    status = document["status"]
    if status == "in_progress":
        return False
    if status == "delayed":
        until = (document.get("awaiting") or {}).get("until") or 0
        return time.monotonic() + until / 1000 - time.time() > deadline
    return lasted >= GRACE.get(status, 0.0)
