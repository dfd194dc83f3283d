"""Amounts as people write them: exact decimal text, for surfaces only."""

from __future__ import annotations

import re
from typing import Final

from strongroom.documents.amount import format_amount, within
from strongroom.errors import InvalidInput

MAX_DECIMALS: Final = 77  # 10**77 is the largest power of ten below 2**256

_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,77})(?:\.([0-9]{1,77}))?")


def _check_decimals(decimals: int) -> None:
    if type(decimals) is not int or not 0 <= decimals <= MAX_DECIMALS:
        raise InvalidInput("amount.decimals", f"an asset has 0 to {MAX_DECIMALS} decimals")


def parse_decimal(text: object, decimals: int) -> int:
    """Base units of a person's decimal text ("1.5"); refuses digits that the asset cannot hold."""
    _check_decimals(decimals)
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidInput("amount.syntax", "an amount is written in plain digits with at most one point")
    whole, fraction = match.group(1), match.group(2) or ""
    if len(fraction) > decimals:
        raise InvalidInput("amount.precision", f"the asset has only {decimals} decimals")
    return within(int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or "0"))


def show(amount: int, decimals: int) -> str:
    """Exact decimal text for people, without trailing zeros: parse_decimal reads it back."""
    _check_decimals(decimals)
    whole, fraction = divmod(int(format_amount(amount)), 10**decimals)
    tail = str(fraction).rjust(decimals, "0").rstrip("0") if fraction else ""
    return f"{whole}.{tail}" if tail else str(whole)
