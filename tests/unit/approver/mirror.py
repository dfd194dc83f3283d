"""A source that serves a log as the coordinator does, or lies about it."""

from __future__ import annotations

from typing import Any

from strongroom.errors import Unreachable
from tests.workspace import NODES, Workspace


class Mirror:
    """What an honest source shows of a workspace; a test changes `note`, `entries` or `down`."""

    def __init__(self, home: Workspace, witnesses: tuple[str, ...] = NODES[:3]) -> None:
        self.url, self.asked, self.down = "http://mirror", list[str](), False
        self.show(home, witnesses)

    def show(self, home: Workspace, witnesses: tuple[str, ...] = NODES[:3]) -> None:
        """Show the workspace as it is now, cosigned now."""
        self.entries = [entry.raw for entry in home.entries]
        self.note = home.note(witnesses)

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        self.asked.append(path)
        if self.down:
            raise Unreachable("api.unreachable", "nobody there")
        if path == "/v1/checkpoint":
            return {"note": self.note}
        start, limit = int(query["from"]), int(query["limit"])
        rows = enumerate(self.entries[start : start + limit], start)
        return {"entries": [{"index": index, "leaf": "", "raw": raw.decode()} for index, raw in rows]}
