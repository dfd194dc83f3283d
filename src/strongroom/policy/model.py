"""The policy document as frozen values: people, groups, witnesses, limits, and the ordered table of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from strongroom.documents.canonical import digest
from strongroom.documents.credentials import Credential, Surface
from strongroom.documents.names import AccountId, AssetId, ChainId
from strongroom.policy.calls import CallShape
from strongroom.policy.schemas import MessageSchema


class Role(StrEnum):
    """What a member of the workspace is: a human being, or a program with a key."""

    PERSON = "person"
    SERVICE = "service"


class Duty(StrEnum):
    """What an enrolled node does: hold shares and witness, or witness only."""

    SIGNER = "signer"
    GUARDIAN = "guardian"


class Per(StrEnum):
    """What a rolling window counts separately for; the last two are a tier's ceilings, and nobody else's."""

    INITIATOR = "initiator"
    SOURCE = "source"
    DESTINATION = "destination"
    ASSET = "asset"
    OUT_OF_TIER = "out of tier"
    INTO_TIER = "into tier"


@dataclass(frozen=True, slots=True)
class Member:
    """A person or a service, with the credentials that speak for it."""

    name: str
    role: Role
    credentials: Mapping[str, Credential]


@dataclass(frozen=True, slots=True)
class Node:
    """An enrolled witness: its duty, identity key and where it stands."""

    name: str
    duty: Duty
    credential: Credential
    placement: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Quorum:
    """`threshold` distinct people out of `members`."""

    members: frozenset[str]
    threshold: int


@dataclass(frozen=True, slots=True)
class WindowShape:
    """A rolling sum over `seconds` of one asset's authorized base units (or of worst-case fees), per scope.

    A window of `values` counts all assets, in the smallest unit of account; its `asset` is empty.
    """

    asset: AssetId
    seconds: int
    per: Per
    fees_only: bool = False
    values: bool = False

    @classmethod
    def of_values(cls, seconds: int, per: Per) -> WindowShape:
        """A running sum of values."""
        return cls(AssetId(""), seconds, per, values=True)


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap that no rule can exceed: base units, or values, within a window; worst-case fees included."""

    name: str
    window: WindowShape
    maximum: int


@dataclass(frozen=True, slots=True)
class OverTime:
    """A rule's condition that the window's sum (of `values`?), this transfer included, is at most `maximum`."""

    seconds: int
    per: Per
    maximum: int
    values: bool = False

    def shape(self, asset: AssetId) -> WindowShape:
        """The running sum that it looks at, for a transfer of `asset`."""
        return (
            WindowShape.of_values(self.seconds, self.per) if self.values else WindowShape(asset, self.seconds, self.per)
        )


@dataclass(frozen=True, slots=True)
class ApprovalNeed:
    """`threshold` people of `group`."""

    group: str
    threshold: int


@dataclass(frozen=True, slots=True)
class TransferShape:
    """The operation of paying an amount of an asset to somebody."""


@dataclass(frozen=True, slots=True)
class MessageShape:
    """The operation of signing a typed message of one of the policy's schemas."""

    name: str


TRANSFER: Final = TransferShape()
Operation = TransferShape | CallShape | MessageShape


@dataclass(frozen=True, slots=True)
class Condition:
    """Everything that must hold for a rule to match; None means any.

    `tags` and `listed_for` (seconds) narrow `listed`; amounts are in base units, values in the unit of account's.
    """

    initiators: frozenset[str] | None = None
    initiator_groups: frozenset[str] | None = None
    wallets: frozenset[str] | None = None
    tiers: frozenset[str] | None = None
    sources: frozenset[AccountId] | None = None
    accounts: frozenset[AccountId] | None = None
    listed: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    listed_for: int = 0
    own_wallets: bool = False
    one_time: bool = False
    assets: frozenset[AssetId] | None = None
    operations: tuple[Operation, ...] | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    value_min: int | None = None
    value_max: int | None = None
    over_time: tuple[OverTime, ...] = ()


@dataclass(frozen=True, slots=True)
class Screening:
    """Somebody of `services` must have found a transfer clear, at most `max_age` seconds before its authorization."""

    services: tuple[str, ...]
    max_age: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an allowing rule demands: `approvals` is an OR of ANDs, times in seconds, the ceiling in base units.

    `keys`: the names of those that may sign, None: any. `fold`: the rules of evaluation that its document was written
    for, which say how the obligations are written down.
    """

    approvals: tuple[tuple[ApprovalNeed, ...], ...]
    initiator_may_approve: bool
    delay: int
    expiry: int
    fee_ceiling: int
    surface: Surface = Surface.CONSOLE
    device_bound: bool = False
    keys: tuple[str, ...] | None = None
    screening: Screening | None = None
    fold: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table: a condition, and an allowance or (None) a denial with its reason."""

    name: str
    condition: Condition
    allowance: Allowance | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AddressGroup:
    """A list of destinations: who may add to it, and how old (seconds) an address must be."""

    quorum: Quorum
    age: int


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier's own bounds: freshness of checkpoints in seconds, the key schemes that may hold it, and its ceilings.

    `requests`: whether proposals from its wallets may be signed as RS256 requests.
    """

    checkpoint_age: int
    schemes: frozenset[str]
    out: Limit | None = None
    into: Limit | None = None
    requests: bool = False


@dataclass(frozen=True, slots=True)
class Valuation:
    """The unit of account, the quorum that states prices in it, and for how long (seconds) they hold."""

    unit: str
    decimals: int
    quorum: Quorum
    max_age: int


@dataclass(frozen=True, slots=True)
class ChainTerms:
    """A chain's finality depth and the cap on worst-case fees per wallet."""

    confirmations: int
    native: AssetId
    fee_window: Limit


@dataclass(frozen=True, slots=True)
class Asset:
    """How an asset is shown to people."""

    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One adopted version of the document; `expires` is unix milliseconds, `fold` the rules that it is decided by."""

    fold: int
    version: int
    label: str
    expires: int
    cool_down: int
    members: Mapping[str, Member]
    administrators: Quorum
    groups: Mapping[str, frozenset[str]]
    freezers: frozenset[str]
    faults: int
    nodes: Mapping[str, Node]
    coordinator: Credential
    tiers: Mapping[str, Tier]
    chains: Mapping[ChainId, ChainTerms]
    assets: Mapping[AssetId, Asset]
    address_groups: Mapping[str, AddressGroup]
    wallet_age: int
    limits: tuple[Limit, ...]
    rules: tuple[Rule, ...]
    valuation: Valuation | None
    messages: Mapping[str, MessageSchema]
    window_shapes: frozenset[WindowShape]
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def witness_quorum(self) -> int:
        """q = floor((n+f)/2)+1 of n witnesses, of which f may be bad."""
        return (len(self.nodes) + self.faults) // 2 + 1

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical document, in hex."""
        return digest(dict(self.document))

    @property
    def approvers(self) -> frozenset[str]:
        """Everyone who can be asked to approve a transfer by any rule, and the administrators."""
        asked = (n.group for r in self.rules if r.allowance for each in r.allowance.approvals for n in each)
        return self.administrators.members.union(*(self.groups[group] for group in asked))

    @property
    def screeners(self) -> frozenset[str]:
        """Every service whose word about transfers any rule asks for."""
        asked = (r.allowance.screening for r in self.rules if r.allowance and r.allowance.screening)
        return frozenset(service for each in asked for service in each.services)

    @property
    def credentials(self) -> Mapping[str, Credential]:
        """Everyone's credentials, by key id."""
        members = (key for member in self.members.values() for key in member.credentials.values())
        nodes = (node.credential for node in self.nodes.values())
        return {key.key_id: key for key in (*members, *nodes, self.coordinator)}

    def credential(self, name: str, key: str) -> Credential | None:
        """The credential `key` of member or node `name`, if the policy lists it."""
        if name in self.members:
            return self.members[name].credentials.get(key)
        node = self.nodes.get(name)
        return node.credential if node and node.credential.key_id == key else None

    def groups_of(self, name: str) -> frozenset[str]:
        """The groups that a member belongs to."""
        return frozenset(group for group, members in self.groups.items() if name in members)


def window_shapes(
    limits: Iterable[Limit], chains: Iterable[ChainTerms], tiers: Iterable[Tier], rules: Iterable[Rule]
) -> frozenset[WindowShape]:
    """Every window whose running sum a policy with these parts needs."""
    shapes = {limit.window for limit in limits} | {terms.fee_window.window for terms in chains}
    shapes |= {ceiling.window for tier in tiers for ceiling in (tier.out, tier.into) if ceiling}
    for rule in rules:
        for over in rule.condition.over_time:
            shapes |= {over.shape(asset) for asset in rule.condition.assets or (AssetId(""),)}
    return frozenset(shapes)
