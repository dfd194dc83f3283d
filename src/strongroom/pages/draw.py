"""Pages drawn from templates: everything escaped, nothing undefined, times and names as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from strongroom.policy.words import duration

HERE: Final = Path(__file__).parent
_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@cache
def environment(templates: Path) -> Environment:
    """The templates of a folder and the parts that all share, with their filters; compiled once in a process."""
    found = Environment(
        loader=FileSystemLoader((templates, HERE / "templates")), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters |= {
        "when": when, "brief": brief, "span": duration, "near": near, "isolated": isolated, "grouped": grouped,
    }  # fmt: skip
    return found


class Pages:
    """Draws the templates of a folder."""

    def __init__(self, templates: Path) -> None:
        self._environment = environment(templates)

    def html(self, template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        """The page of a template."""
        return HTMLResponse(self._environment.get_template(template).render(values), status)


def when(time_ms: int | None, short: bool = False) -> Markup:
    """An instant in UTC to the minute, `short` without its year; the whole of it where a pointer rests."""
    if time_ms is None:
        return Markup("—")
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    text = f"{moment.day} {moment:%b}{'' if short else f' {moment:%Y}'}, {moment:%H:%M}"
    exact = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), exact, text)


def near(time_ms: int, now: int) -> str:
    """How far an instant lies from now, in its largest unit: `in 3 hours`, `2 days ago`."""
    seconds = abs(time_ms - now) // 1000
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "second"))
    count = seconds // size
    text = f"{count} {unit}" + ("" if count == 1 else "s")
    if not count:
        return "now"
    return f"in {text}" if time_ms > now else f"{text} ago"


def brief(text: str) -> str:
    """The two ends of a hash or an address: for lists only, never where somebody decides by it."""
    return text if len(text) <= 16 else f"{text[:8]}…{text[-6:]}"


def grouped(address: str) -> Markup:
    """An address in groups of four, so that eyes can compare it; copied, it has no spaces."""
    head, rest = (address[:2], address[2:]) if address.startswith("0x") else ("", address)
    groups = [head, *(rest[at : at + 4] for at in range(0, len(rest), 4))]
    return Markup('<span class="address">{}</span>').format(
        Markup("").join(Markup("<span>{}</span>").format(part) for part in groups if part)
    )


def isolated(text: str) -> Markup:
    """Somebody's words, which cannot turn the direction of what stands beside them."""
    return Markup("<bdi>{}</bdi>").format(text)
