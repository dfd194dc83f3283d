"""Cutting moments into stages: what belongs to a transfer, and when rounds of others make it ambiguous."""

from __future__ import annotations

from bench.stages import STAGES, by_name, cut

MS = 1_000_000

OWN = [
    (1, "submitted"), (3, "decided"), (6, "durable"), (6, "offered"), (10, "accepted"), (11, "accepted"),
    (15, "cosigned"), (16, "signing"), (26, "signature"), (29, "kept"), (30, "sending"), (31, "sent"),
]  # fmt: skip


def noted(*rounds: tuple[int, list[tuple[int, str]]]) -> dict[str, list[int]]:
    return by_name([((start + at) * MS, name) for start, moments in rounds for at, name in moments])


def test_each_stage_ends_where_its_moment_is() -> None:
    assert cut(noted((100, OWN)), 100 * MS, 132 * MS) == [1, 2, 3, 4, 5, 1, 10, 3, 1, 2]
    assert len(STAGES) == 10


def test_rounds_before_and_after_do_not_count() -> None:
    lazy = [(0, "offered"), (2, "accepted"), (4, "cosigned")]
    moments = noted((0, OWN), (50, lazy), (100, OWN), (133, lazy), (200, OWN))
    assert cut(moments, 100 * MS, 132 * MS) == [1, 2, 3, 4, 5, 1, 10, 3, 1, 2]


def test_a_transfer_without_its_moments_is_left_out() -> None:
    assert cut(noted((0, OWN)), 100 * MS, 132 * MS) is None
    assert cut({}, 0, 1) is None
