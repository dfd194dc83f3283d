"""Reading the policy document: the small parts of which all others are made, each refused with its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from strongroom.documents.amount import parse_amount
from strongroom.documents.canonical import MAX_INTEGER, Shape
from strongroom.errors import InvalidInput
from strongroom.policy.model import Per

LONGEST_WINDOW: Final = 366 * 86400
_SCOPES: Final = (Per.INITIATOR, Per.SOURCE, Per.DESTINATION, Per.ASSET)


def since(fold: int, **fields: Shape) -> dict[str, Shape]:
    """Fields that may stand in documents of fold rules 2 only."""
    return fields if fold > 1 else {}


def count(where: str, value: int, least: int = 0, most: int = MAX_INTEGER) -> int:
    """A number within bounds."""
    if not least <= value <= most:
        raise InvalidInput("policy.range", f"policy {where} must be {least} to {most}, not {value}")
    return value


def strings(where: str, value: object) -> tuple[str, ...]:
    """Different strings, in the document's order."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or len(set(value)) != len(value):
        raise InvalidInput("policy.list", f"policy {where} must be a list of different strings")
    return tuple(value)


def names(where: str, doc: Mapping[str, Any], key: str, parse: Callable[[str], Any] = str) -> frozenset[Any] | None:
    """The different strings at a key, parsed; None where nothing stands."""
    return frozenset(map(parse, strings(f"{where}.{key}", doc[key]))) if key in doc else None


def bound(doc: Mapping[str, Any], key: str) -> int | None:
    """The amount or value at a key; None where nothing stands."""
    return parse_amount(doc[key]) if key in doc else None


def known(code: str, where: str, found: Iterable[str] | None, among: Collection[str]) -> None:
    """Raises InvalidInput with the code for a name that the policy does not define."""
    for name in sorted(set(found or ()).difference(among)):
        raise InvalidInput(code, f"{where} names '{name}', which the policy does not define")


def window(where: str, seconds: int, per: str) -> tuple[int, Per]:
    """The length (seconds) and scope of a rolling window."""
    if not 1 <= seconds <= LONGEST_WINDOW or per not in _SCOPES:
        raise InvalidInput("policy.window", f"{where}: a window is 1 s to 366 days, per {', '.join(_SCOPES)}")
    return seconds, Per(per)
