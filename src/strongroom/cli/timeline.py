"""A transfer as a timeline for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from rich.text import Text

from strongroom.cli.output import console, plain, say

_STYLES: Final = {
    "awaiting_approvals": "yellow",
    "awaiting_screening": "yellow",
    "delayed": "yellow",
    "stalled": "yellow",
    "in_progress": "cyan",
    "completed": "bold green",
    "denied": "bold red",
    "refused": "bold red",
    "failed": "bold red",
    "closed": "red",
}
_MARKS: Final = {"refused": "✗", "failed": "✗", "closed": "✗", "completed": "✓"}


def clock(time_ms: int | None) -> str:
    """UTC time of day with its date: `11-21 10:36:30`."""
    if time_ms is None:
        return " " * 14
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%m-%d %H:%M:%S")


def day(time_ms: int) -> str:
    """A date with its year, for what lies far away: `2027-11-21 10:36 UTC`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def status_text(document: dict[str, Any]) -> Text:
    """The status as a coloured word."""
    status = str(document.get("status"))
    return Text(plain(status.replace("_", " ")), style=_STYLES.get(status, ""))


def render(document: dict[str, Any]) -> None:
    """The whole transfer: what, by which rule, what happened, what is awaited."""
    out = console()
    head = Text(f"transfer {document['id'][:12]}  ", style="bold")
    about = f"{document['amount']['text']} → {document['to']['address']}"
    head.append(plain(f"{document['does'][0] if document['does'] else about}  "))
    out.print(head.append_text(status_text(document)))
    say(f"id {document['id']}", "dim")
    out.print()
    for item in document["timeline"]:
        mark = _MARKS.get(item["stage"], "•")
        line = Text(f"{clock(item['time'])}  {mark} ", style="dim")
        line.append(plain(item["text"]), style="red" if item["stage"] == "refused" else "not dim")
        out.print(line)
        for detail in item["details"]:
            out.print(Text(f"{'':19}{plain(detail)}", style="dim"))
    awaiting = document.get("awaiting")
    if awaiting:
        out.print(Text(f"{'':14}  … {plain(awaiting['text'])}", style=_STYLES.get(document["status"], "")))
    if document["status"] == "in_progress" and document["confirmations"] is not None:
        say(f"{'':16}… {document['confirmations']} confirmations so far", "cyan")
    if document["status"] == "stalled":
        say(f"{'':16}  it goes on by itself once they are back; nothing has to be repeated", "dim")
    if document["signature"]:
        say(f"signature 0x{document['signature']}", "green")
    digest = document["decision"]["digest"]
    if document["status"] == "awaiting_approvals" and digest:
        say("")
        say(f"approve it with: strongroom transfer approve {document['id'][:12]}", "dim")
