"""What the service answers to the surfaces, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
class Gathered:
    """Statements about one subject that wait for further people: by whom there is one, and the policy beside them."""

    kind: str
    subject: Mapping[str, Any]
    people: tuple[str, ...]
    attachment: Mapping[str, Any] | None


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
class OrderProgress:
    """How far an order is: stage orders (`have` of `need` administrators), witnesses, logged or failed; who stated."""

    kind: str
    subject: Mapping[str, Any]
    stage: str
    have: int
    need: int
    stated: tuple[str, ...]
    error: str


@dataclass(frozen=True, slots=True)
class Split:
    """The heads (repair number, size, root) with who holds each; `stuck` when none of them can reach a quorum.

    `number` is the next repair's, `cosigned` the size that stays in any case, `again` what of our own tail (index and
    kind) is sequenced again unless the repair keeps it.
    """

    stuck: bool
    number: int
    cosigned: int
    heads: Mapping[tuple[int, int, str], Sequence[str]]
    again: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class KeygenProgress:
    """How far a key is: stage orders, generating, possession, logged or failed; `done` of `total`."""

    name: str
    stage: str
    done: int
    total: int
    error: str
