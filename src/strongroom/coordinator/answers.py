"""What the service answers to the surfaces, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.store.records import Event, Refusal


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a statement: logged at `entry`, or collected while `lacking` says what is missing."""

    kind: str
    status: str
    entry: int | None
    transfer: str | None
    lacking: str


@dataclass(frozen=True, slots=True)
class Activity:
    """What the coordinator did about a transfer, who refused what, and what it waits for."""

    events: tuple[Event, ...]
    refusals: tuple[Refusal, ...]
    txids: tuple[str, ...]
    confirmations: int | None
    awaiting: str
    awaiting_code: str


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """One enrolled node; `skew_ms` is its clock less the coordinator's, `started` that its boot may hold sessions."""

    name: str
    duty: str
    connected: bool
    size: int
    cosigned: int
    skew_ms: int
    rejoined: bool
    started: bool
    bans: int


@dataclass(frozen=True, slots=True)
class ChainHealth:
    """One chain's node."""

    chain: str
    reachable: bool
    block: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Health:
    """The installation as the coordinator sees it; `quorums` by key: (signers available, threshold)."""

    nodes: tuple[NodeHealth, ...]
    chains: tuple[ChainHealth, ...]
    witnesses_have: int
    witnesses_need: int
    quorums: Mapping[str, tuple[int, int]]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeygenProgress:
    """How far a key is: stage orders, generating, possession, logged or failed; `done` of `total`."""

    name: str
    stage: str
    done: int
    total: int
    error: str
