"""What people and programs read: plain lines and tables, or one JSON document with `--json`."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def example(*lines: str) -> str:
    """The examples below a command's help."""
    return "\n\n".join((f"Example: {lines[0]}", *lines[1:]))


def plain(text: object) -> str:
    """Text in one line without control characters: what a server sends cannot steer the terminal."""
    return "".join(c if unicodedata.category(c)[0] != "C" else "\ufffd" for c in str(text))


def span(seconds: int) -> str:
    """Seconds in the largest unit that divides them: `24 h`."""
    size, unit = next((size, unit) for size, unit in ((3600, "h"), (60, "min"), (1, "s")) if seconds % size == 0)
    return f"{seconds // size} {unit}"


def console(*, error: bool = False) -> Console:
    """A terminal, or a wide page when the output goes to a file or a pipe."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 180, highlight=False, soft_wrap=True)


def brief(text: str) -> str:
    """A long identifier for a table in a narrow terminal; `show` and --json always have the whole of it."""
    fits = len(text) <= 20 or console().width >= 120
    return text if fits else f"{text[:8]}…{text[-6:]}"


def say(text: str, style: str = "", *, end: str = "\n") -> None:
    """One line for people; the text is never read as markup."""
    from rich.text import Text

    console().print(Text(plain(text), style=style), end=end)


def emit(document: dict[str, Any], as_json: bool, human: Callable[[], None]) -> None:
    """The document as JSON, or what `human` prints."""
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        human()


def bars(hidden: bool) -> Progress:
    """Progress bars on standard error, when a person looks at it; gone once they are full."""
    from rich.progress import Progress

    return Progress(console=console(error=True), disable=hidden or not sys.stderr.isatty(), transient=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Rows under headings, or one line that says why there are none."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    listed = [[Text(plain(cell)) for cell in row] for row in rows]
    if not listed:
        return say(empty, "dim")
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in listed:
        shown.add_row(*row)
    console().print(shown)
    return None


def pairs(rows: Iterable[tuple[str, object]]) -> None:
    """Names and values, aligned."""
    listed = list(rows)
    width = max(len(name) for name, _ in listed)
    for name, value in listed:
        say(f"{name.ljust(width)}  {value}")
