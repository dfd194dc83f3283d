"""The state's own digest: equal in every replica that folded the same entries (I16)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from typing import Any

from strongroom.custody.state import CustodyState


def state_digest(state: CustodyState) -> str:
    """SHA-256 (hex) over every field of the state, maps and sets in sorted order."""
    return hashlib.sha256(json.dumps(_plain(state), separators=(",", ":")).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return [[field.name, _plain(getattr(value, field.name))] for field in dataclass_fields(value)]
    if isinstance(value, Mapping):
        return sorted(([_plain(key), _plain(item)] for key, item in value.items()), key=json.dumps)
    if isinstance(value, frozenset):
        return sorted((_plain(item) for item in value), key=json.dumps)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value
