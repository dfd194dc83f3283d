"""Rolling windows never count too little; values are exact, and debits read back."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from strongroom.custody.limits import Debit, _added, _aged, worth
from strongroom.custody.state import Prices, Rolling
from strongroom.documents.amount import MAX_AMOUNT
from strongroom.documents.names import AccountId, AssetId
from strongroom.policy.evaluate import Request
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Per, WindowShape
from tests.workspace import ETH, PAYEE, TOKEN, Workspace

AMOUNTS = st.integers(0, MAX_AMOUNT)
STEPS = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 10**30)), max_size=40)


@given(st.integers(1, 10), STEPS, st.integers(0, 20_000))
def test_i6_a_window_never_counts_too_little(seconds: int, steps: list[tuple[int, int]], rest: int) -> None:
    shape = WindowShape(AssetId(ETH), seconds, Per.SOURCE)
    rolling, now, history = Rolling(), 0, []
    for wait, amount in steps:
        now += wait
        rolling = _added(rolling, shape, now, amount)
        history.append((now, amount))
    end = now + rest
    total = _aged(rolling, shape, end).total
    bucket = max(1, seconds * 1000 // 64)
    exact = sum(amount for at, amount in history if at > end - seconds * 1000)
    most = sum(amount for at, amount in history if at > end - seconds * 1000 - 2 * bucket)
    assert exact <= total <= most
    assert len(rolling.buckets) <= 67


@given(AMOUNTS, AMOUNTS, st.integers(1, MAX_AMOUNT), st.sampled_from([(ETH, 18), (TOKEN, 6)]))
def test_a_value_is_exact_and_rounded_up(one: int, other: int, price: int, asset: tuple[str, int]) -> None:
    policy, named = load_policy(Workspace().second_fold()), AssetId(asset[0])
    prices = Prices(1, Map({named: price}))
    value = worth(policy, prices, named, one)
    assert value == ceil(Fraction(one * price, 10 ** (asset[1] + 9)))
    both = worth(policy, prices, named, one + other)
    split = worth(policy, prices, named, other)
    assert both is not None and split is not None and both <= value + split, "many small amounts count at least as much"
    assert worth(policy, None, named, one) is None
    assert worth(policy, prices, AssetId(f"{ETH[:-2]}61"), one) is None


@given(st.integers(0, 2**53), AMOUNTS, AMOUNTS, st.none() | st.tuples(AMOUNTS, AMOUNTS), st.sampled_from(["", "cold"]))
def test_a_debit_reads_back_as_it_was_written(
    time: int, amount: int, fee: int, values: tuple[int, int] | None, own: str
) -> None:
    value, fee_value = values or (None, None)
    request = Request(
        "alice", "hot-eth", "hot" if values else "", AccountId(PAYEE), {}, False, AssetId(TOKEN), amount, AssetId(ETH),
        fee, own if values else "", value=value, fee_value=fee_value,
    )  # fmt: skip
    assert Debit.of(Debit(time, request).row()) == Debit(time, request)
    assert len(Debit(time, request).row()) < 4096
