"""What the log is: its head and who cosigned it, the nodes, the entries, and the bundle for auditors."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from strongroom.console.console import Console
from strongroom.custody.witnesses import witnesses
from strongroom.documents.canonical import parse
from strongroom.documents.statement import from_envelope
from strongroom.errors import InvalidInput, StrongroomError
from strongroom.log.checkpoint import parse_note, quorum
from strongroom.log.entry import Entry, leaf_hash, parse_entry
from strongroom.pages.forms import read_query

PAGE: Final = 30


def routes(console: Console) -> list[Route]:
    """The log's page, and one entry."""

    async def page(request: Request) -> Response:
        visitor, given = console.visitor(request), read_query(request)
        end = _index(given.get("before", str(console.state.size)))
        start = max(0, min(end, console.state.size) - PAGE)
        raw = console.service.entries(start, min(end, console.state.size) - start)
        rows = [_row(start + offset, parse_entry(each)) for offset, each in enumerate(raw)]
        health = console.service.health()
        return console.page(
            "audit.html", "audit", visitor, entries=rows[::-1], start=start, head=_head(console),
            nodes=health.nodes, have=health.witnesses_have, need=health.witnesses_need, findings=health.findings,
        )  # fmt: skip

    async def one(request: Request) -> Response:
        visitor, index = console.visitor(request), _index(request.path_params["index"])
        found = console.service.entries(index, 1) if index < console.state.size else []
        if not found:
            raise InvalidInput("request.not_found", "the log does not go that far")
        entry = parse_entry(found[0])
        return console.page(
            "entry.html", "audit", visitor, row=_row(index, entry), leaf=leaf_hash(found[0]).hex(), body=entry.body,
            statements=[_statement(each.payload) for each in entry.evidence],
        )  # fmt: skip

    return [Route("/audit", page), Route("/audit/{index:str}", one)]


def _head(console: Console) -> dict[str, Any] | None:
    """The newest cosigned head with the witnesses that its note names; None before the first."""
    if not console.service.note:
        return None
    note = parse_note(console.service.note)
    named = quorum(note, witnesses(console.service.cosigned))
    times = {name: seconds * 1000 for name, seconds in sorted(named.items())}
    return {"size": note.checkpoint.size, "root": note.checkpoint.root.hex(), "times": times, "note": note.text()}


def _row(index: int, entry: Entry) -> dict[str, Any]:
    return {"index": index, "kind": entry.kind, "time": entry.time, "by": _people(entry)}


def _people(entry: Entry) -> list[str]:
    """Who has signed it, as far as its evidence are statements."""
    names = []
    for envelope in entry.evidence:
        try:
            names.append(from_envelope(envelope).person)
        except StrongroomError:
            names.append("a request")
    return names


def _statement(payload: bytes) -> Any:
    try:
        return parse(payload)
    except StrongroomError:
        return {"payload": payload.decode("utf-8", "replace")}


def _index(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidInput("request.not_found", "an entry is named by its number")
    return int(text)
