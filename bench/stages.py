"""Where the milliseconds of one transfer go: the coordinator's moments cut into stages."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

STAGES: Final = (
    ("call received, parsed, statement verified", "submitted"),
    ("decided: proposal and authorization folded", "decided"),
    ("durable in the coordinator's log", "durable"),
    ("accepted by the witnesses' quorum", "accepted"),
    ("cosigned by the witnesses' quorum", "cosigned"),
    ("signers asked", "signing"),
    ("signed by two signers, verified", "signature"),
    ("signature durable", "kept"),
    ("handed to the chain's node", "sending"),
    ("visible in the node", "visible"),
)
"""What each stage ends with, and the moment that ends it."""

Moments = Mapping[str, Sequence[int]]


def by_name(noted: Sequence[tuple[int, str]]) -> dict[str, list[int]]:
    """Unix nanoseconds in order, by name."""
    found: dict[str, list[int]] = {}
    for at, name in sorted(noted):
        found.setdefault(name, []).append(at)
    return found


def cut(moments: Moments, began: int, visible: int) -> list[float] | None:
    """Milliseconds of each stage of a transfer called and visible at these unix nanoseconds.

    None when other rounds of the log overlapped it so that its own cannot be told apart.
    """
    ends = {"visible": visible}
    for name in ("submitted", "decided", "durable"):
        ends[name] = _next(moments, name, began)
    for name in ("sending", "kept", "signature", "signing"):
        visible = ends[name] = _last(moments, name, visible)
    ends["cosigned"] = _last(moments, "cosigned", ends["signing"])
    before = _last(moments, "cosigned", ends["cosigned"] - 1)
    ends["accepted"] = _next(moments, "accepted", max(before + 1, ends["decided"]))
    edges = [began, *(ends[name] for _, name in STAGES)]
    if any(right < left for left, right in pairwise(edges)):
        return None
    return [(right - left) / 1e6 for left, right in pairwise(edges)]


def _next(moments: Moments, name: str, at: int) -> int:
    """The first moment of a name not before `at`; far away when there is none."""
    times = moments.get(name, ())
    index = bisect_left(times, at)
    return times[index] if index < len(times) else 1 << 62


def _last(moments: Moments, name: str, at: int) -> int:
    """The last moment of a name not after `at`; 0 when there is none."""
    times = moments.get(name, ())
    index = bisect_right(times, at)
    return times[index - 1] if index else 0
