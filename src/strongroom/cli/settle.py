"""How a command ends that handed in a statement: logged, or waiting for others to sign the same."""

from __future__ import annotations

from typing import Any

import typer

from strongroom.cli.exits import Exit
from strongroom.cli.output import emit, say


def settle(answer: dict[str, Any], as_json: bool, done: str) -> None:
    """Say what became of it; exit code 3 while others have to sign too."""
    collected = answer.get("status") == "collected"

    def human() -> None:
        if collected:
            say(f"signed, but not yet in force: {answer.get('lacking')}", "yellow")
            say("the others sign by giving the same command under their own profiles")
        else:
            say(f"{done} (log entry {answer.get('entry')})", "green")

    emit(answer, as_json, human)
    if collected:
        raise typer.Exit(Exit.WAITING)
