"""Small flat TOML files, written so that tomllib reads back exactly what was meant."""

from __future__ import annotations

import json
from collections.abc import Mapping


def flat(values: Mapping[str, str]) -> str:
    """`name = "value"` lines; JSON's escapes are TOML's."""
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
