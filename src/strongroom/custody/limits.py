"""Rolling windows over what was authorized: exact integers, log time, never under-counting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from immutables import Map

from strongroom.custody.ledger import Ledger
from strongroom.custody.record import replace
from strongroom.custody.state import CustodyState, Rolling
from strongroom.documents.names import AssetId
from strongroom.policy.evaluate import Request, Usage, Window
from strongroom.policy.model import Per, Policy, WindowShape
from strongroom.policy.reading import LONGEST_WINDOW

_BUCKETS: Final = 64
_LONGEST: Final = WindowShape(AssetId(""), LONGEST_WINDOW, Per.ASSET)
_ROW: Final = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Debit:
    """What one authorization consumed at a log time; of the request only what windows look at."""

    time: int
    request: Request

    def row(self) -> bytes:
        """As the ledger keeps it."""
        r = self.request
        parts = (self.time, r.initiator, r.wallet, r.destination, r.asset, r.native, r.amount, r.fee)
        return _ROW.encode(parts).encode()

    @classmethod
    def of(cls, row: bytes) -> Debit:
        """The debit of such a row."""
        time, initiator, wallet, destination, asset, native, amount, fee = json.loads(row)
        return cls(time, Request(initiator, wallet, "", destination, {}, False, asset, amount, native, fee))


def _bucket_ms(shape: WindowShape) -> int:
    return max(1, shape.seconds * 1000 // _BUCKETS)


def _start(shape: WindowShape, now: int) -> int:
    """The first millisecond that a window ending at `now` counts: a whole bucket's."""
    return (now - shape.seconds * 1000) // _bucket_ms(shape) * _bucket_ms(shape)


def _since(state: CustodyState, end: int, start: int) -> Iterator[Debit]:
    """The debits numbered below `end` from time `start` on, newest first: times never go back."""
    return takewhile(lambda debit: debit.time >= start, map(Debit.of, state.debits.backwards(end)))


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
            debits = _since(state, index, _start(window.shape, now))
            adds = (pair for debit in debits for pair in debit.request.adds(window.shape))
            windows[window] = sum(weight for mine, weight in adds if mine == window)
        return windows[window]

    return used


def debit(state: CustodyState, now: int, request: Request) -> CustodyState:
    """Consume `request` (amount and worst-case fee) from every window of the policy that it falls under."""
    assert state.policy is not None  # noqa: S101 - the fold dispatches to no handler before workspace.created
    windows = _debited(state.windows, state.policy, now, request)
    return replace(state, windows=windows, debits=state.debits.append(Debit(now, request).row()))


def _debited(windows: Map[Window, Rolling], policy: Policy, now: int, request: Request) -> Map[Window, Rolling]:
    for shape in policy.window_shapes:
        for window, weight in request.adds(shape):
            if weight:
                windows = windows.set(window, _added(windows.get(window, Rolling()), shape, now, weight))
    return windows


def resummed(state: CustodyState, policy: Policy) -> Map[Window, Rolling]:
    """The windows of a newly adopted policy, summed from all debits that the longest of them reaches."""
    windows: Map[Window, Rolling] = Map()
    start = min((_start(shape, state.time) for shape in policy.window_shapes), default=state.time)
    for debit in reversed(list(_since(state, len(state.debits), start))):
        windows = _debited(windows, policy, debit.time, debit.request)
    return windows


def without_past(state: CustodyState, earliest: int) -> CustodyState:
    """The state without windows that have emptied, and without debits that no window reaches from `earliest` on."""
    windows, past = state.windows.mutate(), _start(_LONGEST, earliest)
    for window, rolling in state.windows.items():
        if not _aged(rolling, window.shape, state.time).buckets:
            del windows[window]
    newest = (Debit.of(page.rows()[-1]).time for page in state.debits.pages)
    pages = sum(1 for _ in takewhile(lambda time: time < past, newest))
    debits = Ledger(state.debits.dropped + pages, state.debits.pages[pages:], state.debits.tail)
    return replace(state, windows=windows.finish(), debits=debits)
