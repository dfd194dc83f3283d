"""Token buckets: a rate, a burst, and no memory of everybody."""

from __future__ import annotations

import pytest

from strongroom.wire.bucket import Bucket
from strongroom.wire.clients import Buckets


def test_a_burst_then_the_rate() -> None:
    bucket = Bucket.full(2, 3, 100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]
    assert bucket.take(100.4) == pytest.approx(0.1)
    assert bucket.take(100.5) == 0
    assert bucket.take(1_000.0) == 0 and bucket.left == 2  # no more than the burst is kept


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = Bucket.full(1, 1, 100.0)
    assert bucket.take(100.0) == 0
    assert bucket.take(50.0) > 0
    assert bucket.take(50.9) > 0


def test_each_client_has_its_own_and_only_so_many_are_remembered() -> None:
    buckets = Buckets(1, 1)
    assert buckets.take("a", 0.0) == 0 and buckets.take("a", 0.0) > 0 and buckets.take("b", 0.0) == 0
    for number in range(Buckets.MOST):
        buckets.take(str(number), 0.0)
    assert len(buckets._clients) == Buckets.MOST
