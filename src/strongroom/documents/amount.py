"""Amounts: integers in an asset's base unit, written as decimal strings; floats never occur."""

from __future__ import annotations

import re
from typing import Final

from strongroom.errors import InvalidInput

MAX_AMOUNT: Final = 2**256 - 1
MAX_DECIMALS: Final = 77  # 10**77 is the largest power of ten below 2**256

_AMOUNT: Final = re.compile(r"0|[1-9][0-9]{0,77}")
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,77})(?:\.([0-9]{1,77}))?")


def _within(value: int) -> int:
    if value > MAX_AMOUNT:
        raise InvalidInput("amount.too_large", "the amount is beyond 2^256-1")
    return value


def parse_amount(text: object) -> int:
    """Base units in `0|[1-9][0-9]{0,77}`, at most 2^256-1; raises amount.syntax, amount.too_large."""
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise InvalidInput("amount.syntax", "an amount is a string of plain digits without leading zero")
    return _within(int(text))


def format_amount(amount: int) -> str:
    """The one spelling of base units; raises InvalidInput on what parse_amount would refuse."""
    if type(amount) is not int or amount < 0:
        raise InvalidInput("amount.syntax", "an amount is a non-negative integer")
    return str(_within(amount))


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
    return _within(int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or "0"))


def show(amount: int, decimals: int) -> str:
    """Exact decimal text for people, without trailing zeros: parse_decimal reads it back."""
    _check_decimals(decimals)
    whole, fraction = divmod(int(format_amount(amount)), 10**decimals)
    tail = str(fraction).rjust(decimals, "0").rstrip("0") if fraction else ""
    return f"{whole}.{tail}" if tail else str(whole)
