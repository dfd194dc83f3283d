"""CustodyState: everything that decides whether money may move, as one immutable value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from immutables import Map

from strongroom.custody.ledger import Ledger, Register
from strongroom.documents.names import AccountId, AssetId, ChainId
from strongroom.log.tree import CompactRange
from strongroom.policy.calls import ContractCall
from strongroom.policy.evaluate import Window
from strongroom.policy.model import Policy

TransferId = NewType("TransferId", str)
"""SHA-256 (hex) of the initiator's signed statement."""

ROOTS_KEPT = 10_000
"""How many entries old the `seen` of a statement may be."""

TRANSFERS_KEPT = 10_000
"""How many entries a transfer stays in the state after it has ended."""


class Phase(StrEnum):
    """Where a transfer stands; only PROPOSED and AUTHORIZED are decided by the fold, the rest are projections."""

    PROPOSED = "proposed"
    AUTHORIZED = "authorized"
    SIGNED = "signed"
    COMPLETED = "completed"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Intent:
    """What an initiator asks for; `until` in unix milliseconds, amount in base units.

    Destination, asset and amount are what rules look at: of an approve its spender and the allowance, of another call
    the contract and the coins that it takes, of a message (canonical bytes) the own account and nothing.
    """

    wallet: str
    to: AccountId
    asset: AssetId
    amount: int
    why: str
    until: int
    idempotency: str
    call: ContractCall | None = None
    message: bytes = b""


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes to an intent under certain obligations."""

    person: str
    key: str
    obligations: str
    time: int


@dataclass(frozen=True, slots=True)
class Screened:
    """A service's newest word about a transfer, at a log time, by the entry of that number."""

    service: str
    key: str
    clear: bool
    time: int
    index: int


@dataclass(frozen=True, slots=True)
class Prices:
    """What 10^decimals base units of assets are worth, in 10^-9 of the smallest unit of account; unix ms."""

    observed: int
    table: Map[AssetId, int]

    def only(self, *assets: AssetId) -> Prices:
        """The same prices of these assets alone."""
        return Prices(self.observed, Map({asset: self.table[asset] for asset in assets if asset in self.table}))


@dataclass(frozen=True, slots=True)
class Payload:
    """One authorized unsigned transaction: its digest (hex), bytes, worst-case fee, and whether it pays nobody."""

    digest: str
    raw: bytes
    fee: int
    null: bool
    time: int


@dataclass(frozen=True, slots=True)
class Authorization:
    """The first authorization of an intent: its place, its anchor, the window sums and prices it was decided on.

    The anchor is the account's nonce, or a message's digest as a number: no account ever has so many nonces.
    """

    index: int
    time: int
    nonce: int
    policy_version: int
    sums: tuple[tuple[Window, int], ...]
    prices: Prices | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """An open or closed intent with all that happened to it; times in log milliseconds.

    `touched` is the number of the newest entry about it; `signature` a signed message's r || s || v in hex.
    """

    id: TransferId
    initiator: str
    key: str
    intent: Intent
    proposed: int
    approvals: tuple[Approval, ...] = ()
    closed: str = ""
    authorization: Authorization | None = None
    payloads: tuple[Payload, ...] = ()
    phase: Phase = Phase.PROPOSED
    txid: str = ""
    touched: int = 0
    screenings: tuple[Screened, ...] = ()
    signature: str = ""


@dataclass(frozen=True, slots=True)
class ThresholdKey:
    """One epoch of a threshold key; participants in share-index order (1..n)."""

    name: str
    scheme: str
    tier: str
    public_key: bytes
    chain_code: bytes | None
    participants: tuple[str, ...]
    threshold: int
    epoch: int
    transcript: str


@dataclass(frozen=True, slots=True)
class Wallet:
    """An address space on one chain governed by one key; `next_nonce` is the anchor the next intent must take."""

    name: str
    chain: ChainId
    key: str
    path: tuple[int, ...]
    tier: str
    address: str
    usable: int
    next_nonce: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A destination on an address group's list; `usable` in log milliseconds."""

    account: AccountId
    group: str
    label: str
    usable: int
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Freeze:
    """A stop in force; `ends` in log milliseconds, or None when it stays until administrators end it."""

    id: str
    scope: str
    target: str
    reason: str
    people: frozenset[str]
    time: int
    ends: int | None


@dataclass(frozen=True, slots=True)
class Boot:
    """A node's newest start: random boot id and X25519 key-agreement key, both hex, and the entry that said so."""

    boot: str
    exchange: str
    index: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy version waiting out its cool-down."""

    policy: Policy
    adoptable: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the witnesses that waits for its certificate: the policy before it, the least size that covers it."""

    before: Policy
    size: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A pair of nodes that may not share a session of a key's epoch again."""

    key: str
    epoch: int
    pair: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rolling:
    """A conservative rolling sum in base units: an amount leaves up to one bucket later than the window says."""

    total: int = 0
    buckets: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class CustodyState:
    """The fold's value after `size` entries; `time` is the last entry's log time.

    `renewed`: kind of statement → index of the stop that only statements which have seen it can follow.
    `proposals`: every transfer's id with the hash of its idempotency key; `transfers` holds those that have not
    ended long ago. `sealed`: the size that the newest `state.sealed` gave the digest of.
    `repair`: the highest number of a `log.repaired` on this branch.
    """

    tree: CompactRange
    time: int = 0
    workspace: str = ""
    policy: Policy | None = None
    proposal: Proposal | None = None
    repair: int = 0
    changing: Change | None = None
    keys: Map[str, ThresholdKey] = field(default_factory=Map)
    wallets: Map[str, Wallet] = field(default_factory=Map)
    accounts: Map[AccountId, str] = field(default_factory=Map)
    addresses: Map[tuple[AccountId, str], Listed] = field(default_factory=Map)
    transfers: Map[TransferId, Transfer] = field(default_factory=Map)
    open: Map[TransferId, None] = field(default_factory=Map)
    proposals: Register = field(default_factory=Register)
    anchors: Map[tuple[str, int], TransferId] = field(default_factory=Map)
    debits: Ledger = field(default_factory=Ledger)
    windows: Map[Window, Rolling] = field(default_factory=Map)
    freezes: Map[str, Freeze] = field(default_factory=Map)
    suspended: frozenset[str] = frozenset()
    revoked: frozenset[str] = frozenset()
    stops: Map[str, int] = field(default_factory=Map)
    renewed: Map[str, int] = field(default_factory=Map)
    boots: Map[str, Boot] = field(default_factory=Map)
    boot_ids: Map[str, str] = field(default_factory=Map)
    bars: frozenset[Bar] = frozenset()
    roots: Map[int, bytes] = field(default_factory=Map)
    sealed: int = 0
    prices: Prices | None = None

    @property
    def size(self) -> int:
        """The number of entries folded."""
        return self.tree.size

    @property
    def root(self) -> bytes:
        """The Merkle root (32 bytes) over the entries folded."""
        return self.tree.root()


EMPTY = CustodyState(tree=CompactRange())
