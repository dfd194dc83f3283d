"""Changed copies of records, as dataclasses.replace makes them, without asking each time what fields there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import replace as replace  # noqa: PLC0414  # mypy checks its calls
else:
    from collections import deque
    from dataclasses import fields
    from functools import cache
    from itertools import repeat
    from operator import attrgetter, call

    @cache
    def _slots(kind):
        """How all fields of a class of slots and no __post_init__ are read, and how each is set."""
        names = [field.name for field in fields(kind)]
        if hasattr(kind, "__post_init__") or len(names) < 2:
            raise TypeError(f"{kind.__name__} is not copied this way")
        return attrgetter(*names), {name: kind.__dict__[name].__set__ for name in names}

    def replace(record, /, **changes):
        """The record with other values in the fields named."""
        kind = type(record)
        values, put = _slots(kind)
        copy = object.__new__(kind)
        deque(map(call, put.values(), repeat(copy), values(record)), maxlen=0)
        for name, value in changes.items():
            put[name](copy, value)
        return copy
