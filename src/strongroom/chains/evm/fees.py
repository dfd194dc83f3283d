"""Fees per gas of EIP-1559: what to start with, and how much a replacement must add."""

from __future__ import annotations


def starting(base_fee: int, priority: int) -> tuple[int, int]:
    """(max fee, priority fee) that hold for six full blocks in a row: twice the base fee, plus priority."""
    return 2 * base_fee + priority, priority


def bumped(max_fee: int, priority: int) -> tuple[int, int]:
    """(max fee, priority fee) of a replacement: 12.5 % more, rounded up; nodes ask for 10 % of both."""
    return _raise(max_fee), _raise(priority)


def _raise(fee: int) -> int:
    return max(-(-fee * 9 // 8), fee + 1)
