"""Figures: medians, tails, goals and ratios are what they say."""

from __future__ import annotations

import pytest

from bench.figures import Beside, Figure, Goal, figure, quantile, show


def test_median_and_p99_are_of_the_samples() -> None:
    made = figure("x", "ms", [float(n) for n in range(1, 101)], tail=True)
    assert (made.median, made.p99, made.samples) == (50.5, 99.0, 100)
    assert figure("x", "ms", [3.0, 1.0, 2.0]).p99 is None


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 2.0), (0.51, 3.0), (0.99, 4.0), (1.0, 4.0)])
def test_quantile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert quantile([4.0, 2.0, 1.0, 3.0], share) == expected


@pytest.mark.parametrize(
    ("goal", "median", "p99", "met"),
    [
        (Goal(100, up=True), 100, None, True),
        (Goal(100, up=True), 99.9, None, False),
        (Goal(50), 49.9, None, True),
        (Goal(50), 50, None, False),
        (Goal(50, of_p99=150), 40, 149, True),
        (Goal(50, of_p99=150), 40, 150, False),
        (Goal(50, of_p99=150), 40, None, False),
    ],
)
def test_goals(goal: Goal, median: float, p99: float | None, met: bool) -> None:
    assert goal.met(median, p99) is met


def test_a_ratio_needs_something_to_divide_by() -> None:
    made = Figure("x", "ms", 10.0, 1, beside=(Beside("peer", 40.0), Beside("nothing", 0.0)))
    assert made.ratios == {"peer": 0.25}
    assert made.to_doc()["ratios"] == {"peer": 0.25}


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (99.94, "99.9"), (1.234, "1.23"), (0.01234, "0.0123"), (0.0, "0")]
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert show(value) == text
