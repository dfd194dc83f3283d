"""Watching a distributed key generation, or a refresh, until it is in the log."""

from __future__ import annotations

import sys
import time
from typing import Any

from strongroom.cli.client import Client
from strongroom.cli.output import console, plain
from strongroom.errors import Refused, Unreachable


def ordered_by_too_few(client: Client, name: str) -> bool:
    """Whether the order still waits for other administrators."""
    row = _progress(client, name)
    return row is not None and row["stage"] == "orders"


def _progress(client: Client, name: str) -> dict[str, Any] | None:
    return next((row for row in client.get("/v1/keygens")["keygens"] if row["name"] == name), None)


def watch(client: Client, name: str, timeout: float, *, quiet: bool, epoch: int = 0) -> dict[str, Any]:
    """The key's public description once it is in this epoch.

    Raises Refused key.generation_failed, Unreachable key.not_finished.
    """
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    deadline = time.monotonic() + timeout
    with Progress(
        *columns, console=console(error=True), disable=quiet or not sys.stderr.isatty(), transient=True
    ) as bars:
        task = bars.add_task(f"key {name}", total=None)
        while time.monotonic() < deadline:
            key = next((row for row in client.get("/v1/keys")["keys"] if row["name"] == name), None)
            if key is not None and key["epoch"] >= epoch:
                return dict(key)
            row = _progress(client, name)
            if row is not None:
                if row["error"]:
                    raise Refused("key.generation_failed", plain(row["error"]), "see: strongroom status")
                text = escape(f"key {name}: {plain(row['stage'])}")
                bars.update(task, description=text, completed=row["done"], total=row["total"] or None)
            time.sleep(0.2)
    raise Unreachable(
        "key.not_finished", f"key {name} is not finished after {timeout:.0f} s", "it goes on; see: strongroom status"
    )
