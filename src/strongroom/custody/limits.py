"""Rolling windows over what was authorized: exact integers, log time, never under-counting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from immutables import Map

from strongroom.custody.ledger import Ledger
from strongroom.custody.record import replace
from strongroom.custody.state import CustodyState, Prices, Rolling
from strongroom.documents.amount import MAX_AMOUNT
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
        """As the ledger keeps it; its values, and the tiers that they count for, once there are prices."""
        r = self.request
        parts: tuple[Any, ...] = (self.time, r.initiator, r.wallet, r.destination, r.asset, r.native, r.amount, r.fee)
        if r.value is not None:
            parts = (*parts, r.tier, r.own_tier, r.value, r.fee_value)
        return _ROW.encode(parts).encode()

    @classmethod
    def of(cls, row: bytes) -> Debit:
        """The debit of such a row."""
        time, initiator, wallet, destination, asset, native, amount, fee, *valued = json.loads(row)
        tier, own, value, fee_value = valued or ("", "", None, None)
        request = Request(
            initiator, wallet, tier, destination, {}, False, asset, amount, native, fee, own, value=value,
            fee_value=fee_value,
        )  # fmt: skip
        return cls(time, request)


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


def worth(policy: Policy, prices: Prices | None, asset: AssetId, amount: int) -> int | None:
    """The value of an amount of base units, rounded up, in the smallest unit of account; None without a price."""
    price, terms = prices.table.get(asset) if prices else None, policy.assets.get(asset)
    return -(-amount * price // 10 ** (terms.decimals + 9)) if price and terms else None


def valued(policy: Policy, prices: Prices | None, request: Request) -> Request:
    """The request with what amount and fee are worth."""
    value = worth(policy, prices, request.asset, request.amount)
    return replace(request, value=value, fee_value=worth(policy, prices, request.native, request.fee))


def debit(state: CustodyState, now: int, request: Request) -> CustodyState:
    """Consume `request` (amount and worst-case fee) from every window of the policy that it falls under."""
    assert state.policy is not None  # noqa: S101 - the fold dispatches to no handler before workspace.created
    request = _counted(request) if state.prices else request
    windows = _debited(state.windows, state.policy, now, request)
    return replace(state, windows=windows, debits=state.debits.append(Debit(now, request).row()))


def _counted(request: Request) -> Request:
    """The request as sums of values count it: what has no price is worth more than any of them allows."""
    value = (MAX_AMOUNT if request.amount else 0) if request.value is None else request.value
    fee_value = (MAX_AMOUNT if request.fee else 0) if request.fee_value is None else request.fee_value
    return replace(request, value=value, fee_value=fee_value)


def revalued(state: CustodyState, policy: Policy, prices: Prices) -> CustodyState:
    """The state whose debits so far have the value that these, the first prices, give them, and tiers as they are."""
    rows = Ledger(state.debits.dropped)
    for debit in map(Debit.of, state.debits):
        wallet, own = state.wallets[debit.request.wallet], state.accounts.get(debit.request.destination)
        own_tier = state.wallets[own].tier if own else ""
        request = valued(policy, prices, replace(debit.request, tier=wallet.tier, own_tier=own_tier))
        rows = rows.append(Debit(debit.time, _counted(request)).row())
    state = replace(state, debits=rows)
    return replace(state, windows=resummed(state, policy))


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
