"""Small flat TOML files, written so that tomllib reads back exactly what was meant."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence


def flat(values: Mapping[str, str | int | list[str]]) -> str:
    """`name = "value"` lines; JSON's escapes, numbers and lists of strings are TOML's."""
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def rows(name: str, tables: Sequence[Mapping[str, str]]) -> str:
    """An array of tables."""
    return "".join(f"\n[[{name}]]\n{flat(dict(table))}" for table in tables)
