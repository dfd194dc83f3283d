"""Fees per gas: a replacement always clears geth's rule of 10 % and strictly more, for both fees."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from strongroom.chains.evm.fees import bumped, starting
from strongroom.chains.evm.transaction import UnsignedTransaction


@given(st.integers(0, 2**100), st.integers(0, 2**100))
@example(0, 0)
@example(1, 1)
@example(8, 8)
@example(9, 1)
def test_a_replacement_is_accepted_and_rises_by_no_more_than_an_eighth_rounded_up(a: int, b: int) -> None:
    old = max(a, b), min(a, b)
    for before, after in zip(old, bumped(*old), strict=True):
        assert after > before
        assert 10 * after >= 11 * before  # geth, txpool.pricebump = 10
        assert 8 * after >= 9 * before
        assert 8 * (after - 1) < 9 * before or after == before + 1
    max_fee, priority = bumped(*old)
    UnsignedTransaction(1, 0, priority, max_fee, 21_000, "0x" + "ab" * 20, 0, b"")  # still well-formed


def test_examples() -> None:
    assert bumped(3 * 10**9, 10**9) == (3_375_000_000, 1_125_000_000)
    assert bumped(9, 0) == (11, 1)


@given(st.integers(7, 2**100), st.integers(0, 2**100))
def test_starting_fees_outlive_six_full_blocks(base_fee: int, priority: int) -> None:
    max_fee, tip = starting(base_fee, priority)
    assert tip == priority
    for _ in range(5):  # five rises of 12.5 % between the next block and the fifth after it
        base_fee += base_fee // 8
    assert max_fee >= base_fee + tip
