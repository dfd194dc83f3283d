"""Amounts: integers in an asset's base unit, written as decimal strings; floats never occur."""

from __future__ import annotations

import re
from typing import Final

from strongroom.errors import InvalidInput

MAX_AMOUNT: Final = 2**256 - 1

_AMOUNT: Final = re.compile(r"0|[1-9][0-9]{0,77}")


def within(value: int) -> int:
    """The value itself, at most 2^256-1; raises InvalidInput amount.too_large."""
    if value > MAX_AMOUNT:
        raise InvalidInput("amount.too_large", "the amount is beyond 2^256-1")
    return value


def parse_amount(text: object) -> int:
    """Base units in `0|[1-9][0-9]{0,77}`, at most 2^256-1; raises amount.syntax, amount.too_large."""
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise InvalidInput("amount.syntax", "an amount is a string of plain digits without leading zero")
    return within(int(text))


def format_amount(amount: int) -> str:
    """The one spelling of base units; raises InvalidInput on what parse_amount would refuse."""
    if type(amount) is not int or amount < 0:
        raise InvalidInput("amount.syntax", "an amount is a non-negative integer")
    return str(within(amount))
