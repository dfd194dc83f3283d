"""What a person sees while a command waits: one line that says what is going on."""

from __future__ import annotations

from typing import Any

from strongroom.cli.client import Client
from strongroom.cli.follow import follow
from strongroom.cli.output import console, plain


def describe(document: dict[str, Any]) -> str:
    """The newest step, or what is awaited."""
    awaiting = document.get("awaiting")
    if awaiting:
        return plain(awaiting["text"])
    timeline = document["timeline"]
    last = plain(timeline[-1]["text"]) if timeline else ""
    confirmations = document.get("confirmations")
    return f"{last}, {confirmations} confirmations" if confirmations is not None else last


def follow_visibly(client: Client, document: dict[str, Any], timeout: float, *, quiet: bool) -> dict[str, Any]:
    """`follow` with a spinner on standard error, so that standard output stays clean."""
    if quiet:
        return follow(client, document["id"], timeout, lambda _: None)
    from rich.markup import escape

    screen = console(error=True)
    with screen.status(escape(describe(document)), spinner="dots") as spinner:
        return follow(client, document["id"], timeout, lambda new: spinner.update(escape(describe(new))))
