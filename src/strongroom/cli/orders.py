"""What administrators order of the witnesses, from the statement to the entry in the log."""

from __future__ import annotations

import sys
import time
from typing import Any

from strongroom.cli.client import Client
from strongroom.cli.output import console, emit, plain, say
from strongroom.cli.profile import Profile
from strongroom.cli.settle import settle
from strongroom.cli.signing import hand_in
from strongroom.errors import Refused, Unreachable


def order(
    profile: Profile, kind: str, subject: dict[str, Any], attachment: dict[str, Any] | None, done: str,
    timeout: float, as_json: bool,
) -> None:  # fmt: skip
    """Sign the order; with the threshold, watch until it is logged. Raises Refused, Unreachable; exit code 3 before."""
    client = profile.client()
    answer = hand_in(profile, client, kind, subject, attachment=attachment)
    row = _progress(client, kind, subject)
    if row is None or row["stage"] == "orders":
        return settle(answer, as_json, "")
    logged = _watch(client, kind, subject, timeout, quiet=as_json)
    return emit(logged, as_json, lambda: say(done, "green"))


def _progress(client: Client, kind: str, subject: dict[str, Any]) -> dict[str, Any] | None:
    rows = [dict(row) for row in client.get("/v1/orders")["orders"]]
    return next((row for row in reversed(rows) if (row["kind"], row["subject"]) == (kind, subject)), None)


def _watch(client: Client, kind: str, subject: dict[str, Any], timeout: float, *, quiet: bool) -> dict[str, Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    nodes = len(client.get("/v1/policy")["policy"]["witnesses"]["nodes"])
    hidden, deadline = quiet or not sys.stderr.isatty(), time.monotonic() + timeout
    error = ""
    with Progress(*columns, console=console(error=True), disable=hidden, transient=True) as bars:
        task = bars.add_task("the witnesses state", total=nodes)
        while time.monotonic() < deadline:
            row = _progress(client, kind, subject)
            if row is not None:
                error = plain(row["error"])
                bars.update(task, completed=len(row["stated"]))
                if row["stage"] == "logged":
                    return row
                if row["stage"] == "failed":
                    raise Refused(
                        "order.failed", error, "sign it again: the statements were too old, or are superseded"
                    )
            time.sleep(0.2)
    raise Unreachable("order.not_finished", error or "the witnesses have not answered", "it goes on; see: status")
