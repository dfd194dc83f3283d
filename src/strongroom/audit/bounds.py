"""What cannot be refused, only bounded: each bound on loss and delay, computed from the state (I23)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.audit.allowances import Allowance
from strongroom.chains.verify import ECDSA_SCHEMES
from strongroom.custody.authority import in_force
from strongroom.custody.limits import usage
from strongroom.custody.state import CustodyState, Phase, Transfer
from strongroom.documents.names import AssetId
from strongroom.policy.evaluate import Window
from strongroom.policy.model import Limit, Per, Policy, WindowShape


@dataclass(frozen=True, slots=True)
class Exposure:
    """Base units of an asset that payloads of one wallet could still move, whatever is stopped from now on.

    `noted`: signed by the log's own record. `possible`: authorized, so that a signature may exist that nobody noted.
    What is final is the coordinator's note; an audit with chain evidence holds those notes against the chain.
    """

    wallet: str
    asset: AssetId
    noted: int
    possible: int


@dataclass(frozen=True, slots=True)
class Cap:
    """A window of one wallet, asset or tier: at most `maximum` base units in `seconds`, `used` of it by now.

    Without an `asset` it counts values of all of them, in the smallest unit of account.
    """

    name: str
    asset: AssetId
    subject: str
    seconds: int
    used: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """The list of ATTACKS that no signer can refuse, as figures of this workspace at this state."""

    exposure: tuple[Exposure, ...]
    """Signed is spent: ended only by spending the anchors."""
    allowances: tuple[Allowance, ...]
    """Granted on the chain, and drawn without the log: ended by an approve of nothing."""
    last_until: int
    """The coordinator chooses order and moment before this time (unix ms; 0: nothing is open)."""
    longest_wait: int
    """Seconds that any rule lets a transfer wait."""
    fees: tuple[Cap, ...]
    limits: tuple[Cap, ...]
    deposit_addresses: int
    """Addresses given out for deposits: a false report of one is outside signing."""
    routes_without_the_log: Mapping[str, tuple[str, ...]]
    """By wallet: ways on the chain to move its funds that need no entry (recovery branches, share backups)."""
    one_library: tuple[str, ...]
    """Keys that a bug in the one threshold ECDSA library would reach."""
    listed: int
    """Addresses on lists: a contract's code may change after its listing."""


def bounds(state: CustodyState, allowances: tuple[Allowance, ...] = ()) -> Bounds:
    """Every bound at this state, with what the replay of its log has seen granted; raises Refused before creation."""
    policy = in_force(state)
    ceilings = [ceiling for tier in policy.tiers.values() for ceiling in (tier.out, tier.into) if ceiling]
    waiting = [state.transfers[name].intent.until for name in state.open]
    return Bounds(
        exposure=_exposure(state),
        allowances=allowances,
        last_until=max(waiting, default=0),
        longest_wait=max((rule.allowance.expiry for rule in policy.rules if rule.allowance), default=0),
        fees=_caps(state, tuple(terms.fee_window for terms in policy.chains.values()), policy),
        limits=_caps(state, (*policy.limits, *ceilings), policy),
        deposit_addresses=0,  # no entry gives one out yet
        routes_without_the_log=dict.fromkeys(sorted(state.wallets), ()),  # no kind of wallet has another route yet
        one_library=tuple(sorted(key.name for key in state.keys.values() if key.scheme in ECDSA_SCHEMES)),
        listed=len(state.addresses),
    )


def _exposure(state: CustodyState) -> tuple[Exposure, ...]:
    """Per wallet and asset; a transfer's dearest payload counts, since only one of an anchor can confirm."""
    policy = in_force(state)
    sums: dict[tuple[str, AssetId], list[int]] = defaultdict(lambda: [0, 0])
    for transfer in state.transfers.values():
        if transfer.authorization is None or transfer.phase in (Phase.COMPLETED, Phase.FAILED):
            continue
        intent, wallet = transfer.intent, state.wallets[transfer.intent.wallet]
        fee = max(payload.fee for payload in transfer.payloads)
        for asset, amount in ((intent.asset, intent.amount), (policy.chains[wallet.chain].native, fee)):
            row = sums[wallet.name, asset]
            row[1] += amount
            row[0] += amount if _noted(transfer) else 0
    return tuple(Exposure(*where, *row) for where, row in sorted(sums.items()))


def _noted(transfer: Transfer) -> bool:
    return transfer.phase is Phase.SIGNED or bool(transfer.txid)


def _caps(state: CustodyState, limits: tuple[Limit, ...], policy: Policy) -> tuple[Cap, ...]:
    """Each limit for each wallet, or for whatever else it counts by that has been used."""
    used, found = usage(state, state.time), []
    for limit in limits:
        shape = limit.window
        for subject in _subjects(state, shape, policy):
            sum_now = used(Window(shape, subject))
            found.append(Cap(limit.name, shape.asset, subject, shape.seconds, sum_now, limit.maximum))
    return tuple(found)


def _subjects(state: CustodyState, shape: WindowShape, policy: Policy) -> list[str]:
    match shape.per:
        case Per.SOURCE:
            chain = shape.asset.partition("/")[0]
            return sorted(w.name for w in state.wallets.values() if shape.values or w.chain == chain)
        case Per.ASSET:
            return sorted(policy.assets) if shape.values else [shape.asset]
        case Per.INITIATOR:
            return sorted(policy.members)
        case Per.DESTINATION | Per.OUT_OF_TIER | Per.INTO_TIER:
            return sorted({window.subject for window in state.windows if window.shape == shape})
