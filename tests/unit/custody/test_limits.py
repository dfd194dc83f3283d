"""Rolling windows: never below the true sum of the window, never above that of one bucket more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from strongroom.custody.limits import _added, _aged
from strongroom.custody.state import Rolling
from strongroom.documents.names import AssetId
from strongroom.policy.model import Per, WindowShape
from tests.workspace import ETH

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
