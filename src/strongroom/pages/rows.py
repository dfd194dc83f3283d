"""What somebody is about to sign, in rows that a person can check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what it is, the text, and `form` (money, address, hash, quote or nothing) for how it is shown."""

    name: str
    text: str
    form: str = ""
    note: str = ""
