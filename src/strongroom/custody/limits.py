"""Rolling windows over what was authorized: exact integers, log time, never under-counting."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from immutables import Map

from strongroom.custody.state import CustodyState, Debit, Rolling
from strongroom.policy.evaluate import Request, Usage, Window
from strongroom.policy.model import Policy, WindowShape

_BUCKETS = 64


def _bucket_ms(shape: WindowShape) -> int:
    return max(1, shape.seconds * 1000 // _BUCKETS)


def _aged(rolling: Rolling, shape: WindowShape, now: int) -> Rolling:
    """Drop the buckets that lie wholly before the window ending at `now`."""
    oldest = (now - shape.seconds * 1000) // _bucket_ms(shape)
    total, skip = rolling.total, 0
    for bucket, amount in rolling.buckets:
        if bucket >= oldest:
            break
        total, skip = total - amount, skip + 1
    return Rolling(total, rolling.buckets[skip:]) if skip else rolling


def _added(rolling: Rolling, shape: WindowShape, now: int, amount: int) -> Rolling:
    aged, bucket = _aged(rolling, shape, now), now // _bucket_ms(shape)
    if aged.buckets and aged.buckets[-1][0] == bucket:
        last = (bucket, aged.buckets[-1][1] + amount)
        return Rolling(aged.total + amount, (*aged.buckets[:-1], last))
    return Rolling(aged.total + amount, (*aged.buckets, (bucket, amount)))


def usage(state: CustodyState, now: int) -> Usage:
    """Read the sums of the windows ending at log time `now`, everything authorized so far included."""

    def used(window: Window) -> int:
        rolling = state.windows.get(window)
        return _aged(rolling, window.shape, now).total if rolling else 0

    return used


def usage_before(state: CustodyState, index: int, now: int) -> Usage:
    """Read the sums as they stood for the debits numbered below `index`: the order of authorization decides."""
    windows: dict[Window, int] = {}

    def used(window: Window) -> int:
        if window not in windows:
            start = (now - window.shape.seconds * 1000) // _bucket_ms(window.shape) * _bucket_ms(window.shape)
            earlier = (state.debits[i] for i in range(index - 1, -1, -1))
            debits = takewhile(lambda d: d.time >= start, earlier)  # newest first: times never go back
            mine = (d for d in debits if d.request.window(window.shape) == window)
            windows[window] = sum(d.request.weight(window.shape) for d in mine)
        return windows[window]

    return used


def debit(state: CustodyState, now: int, request: Request) -> CustodyState:
    """Consume `request` (amount and worst-case fee) from every window of the policy that it falls under."""
    assert state.policy is not None  # noqa: S101 - the fold dispatches to no handler before workspace.created
    windows = _debited(state.windows, state.policy, now, request)
    return replace(state, windows=windows, debits=state.debits.set(len(state.debits), Debit(now, request)))


def _debited(windows: Map[Window, Rolling], policy: Policy, now: int, request: Request) -> Map[Window, Rolling]:
    for shape in policy.window_shapes:
        weight = request.weight(shape)
        if weight:
            window = request.window(shape)
            windows = windows.set(window, _added(windows.get(window, Rolling()), shape, now, weight))
    return windows


def resummed(state: CustodyState, policy: Policy) -> Map[Window, Rolling]:
    """The windows of a newly adopted policy, summed from the whole history of debits."""
    windows: Map[Window, Rolling] = Map()
    for index in range(len(state.debits)):
        windows = _debited(windows, policy, state.debits[index].time, state.debits[index].request)
    return windows
