"""The forms of requests and answers, for the OpenAPI document; input is parsed by `documents`, never by these."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Form(BaseModel):
    """A document with exactly these fields."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(Form):
    code: str = Field(description="stable, dotted, lower case", examples=["amount.syntax"])
    message: str = Field(description="what and where, in one line")
    remedy: str = Field(description="how to mend it; empty when there is nothing to do")


class ErrorAnswer(Form):
    error: ErrorBody


class Signature(Form):
    keyid: str = Field(description="SHA-256 of 'ed25519:' and the public key in hex", pattern="^[0-9a-f]{64}$")
    sig: str = Field(description="base64 of the Ed25519 signature over the DSSE pre-authentication encoding")


class DsseEnvelope(Form):
    """A signed statement (DSSE): the payload is canonical JSON (RFC 8785) with the fields workspace, kind,
    subject, obligations, seen, person, key and not_after."""

    payload: str = Field(description="base64 of the statement")
    payloadType: str = Field(examples=["application/vnd.strongroom.transfer.propose.v1+json"])
    signatures: list[Signature] = Field(min_length=1, max_length=1)


class IntentRequest(Form):
    """What a service asks for, in any spelling of JSON: the same intent that a statement would hold.

    Either `to`, `asset` and `amount`, or a `call`, or a `message` (docs/protocols/policy.md)."""

    wallet: str = Field(alias="from", description="the wallet that pays")
    to: str | None = Field(None, description="CAIP-10 account in lower case")
    asset: str | None = Field(None, description="CAIP-19 asset")
    amount: str | None = Field(None, description="base units")
    call: dict[str, Any] | None = Field(None, description="to, value and data of a contract call")
    message: dict[str, Any] | None = Field(None, description="a typed message by a schema of the policy")
    why: str
    until: int = Field(description="unix ms")
    idempotency: str = Field(description="the caller's own number for it: it names one transfer for ever")


class StatementRequest(Form):
    envelope: DsseEnvelope
    attachment: dict[str, Any] | None = Field(None, description="the policy document of a policy.propose")


class Workspace(Form):
    workspace: str
    label: str
    size: int
    time: int
    policy_version: int


class NoticeKey(Form):
    kind: str = Field(examples=["ed25519"])
    public: str = Field(description="the public key in hex", pattern="^[0-9a-f]{64}$")
    webhook: str = Field(description="the same as Standard Webhooks libraries take it", pattern="^whpk_")


class CheckpointAnswer(Form):
    note: str = Field(description="C2SP signed note with cosignatures of the witness quorum")
    size: int
    root: str


class LogEntry(Form):
    index: int
    leaf: str = Field(description="RFC 6962 leaf hash, hex")
    raw: str = Field(description="the entry's canonical bytes as text")


class Entries(Form):
    size: int
    entries: list[LogEntry]


class Proposal(Form):
    version: int
    digest: str
    adoptable: int
    policy: dict[str, Any]


class Prices(Form):
    observed: int
    table: dict[str, str] = Field(
        description="what one of each asset is worth, in 10^-9 of the smallest unit of account"
    )


class PolicyAnswer(Form):
    version: int
    digest: str
    expires: int
    policy: dict[str, Any]
    suspended: list[str]
    revoked: list[str]
    prices: Prices | None
    proposal: Proposal | None


class KeyRow(Form):
    name: str
    scheme: str
    tier: str
    public_key: str
    participants: list[str]
    threshold: int
    epoch: int


class Keys(Form):
    keys: list[KeyRow]


class KeygenRow(Form):
    name: str
    stage: str
    done: int
    total: int
    error: str


class Keygens(Form):
    keygens: list[KeygenRow]


class Head(Form):
    repair: int = Field(description="the highest repair on its branch")
    size: int
    root: str
    nodes: list[str]


class TailEntry(Form):
    index: int
    kind: str


class RepairAnswer(Form):
    stuck: bool = Field(description="no head has a quorum of the nodes that are connected, or nodes wait for a repair")
    number: int = Field(description="of the next repair")
    cosigned: int = Field(description="entries that stay in any case")
    heads: list[Head]
    again: list[TailEntry] = Field(description="sequenced again unless the repair keeps them")


class OrderRow(Form):
    kind: str
    subject: dict[str, Any]
    stage: str = Field(description="orders, witnesses, logged or failed")
    have: int
    need: int
    stated: list[str]
    error: str


class SealAnswer(Form):
    entry: int = Field(description="the index of the entry; the digest is of the state before it")
    digest: str


class OrdersAnswer(Form):
    orders: list[OrderRow]


class WalletRow(Form):
    name: str
    chain: str
    key: str
    path: list[int]
    tier: str
    account: str
    address: str
    usable: int
    next_nonce: int
    closed: bool
    balances: dict[str, str]


class Wallets(Form):
    wallets: list[WalletRow]


class AddressRow(Form):
    account: str
    address: str
    group: str
    label: str
    tags: list[str]
    usable: int


class Addresses(Form):
    addresses: list[AddressRow]


class FreezeRow(Form):
    id: str
    scope: str
    target: str
    reason: str
    people: list[str]
    time: int
    ends: int | None
    in_force: bool


class Freezes(Form):
    freezes: list[FreezeRow]


class Money(Form):
    base_units: str
    text: str


class Party(Form):
    account: str
    address: str
    wallet: str | None
    listed_as: list[str]


class TransferSummary(Form):
    id: str
    phase: str
    closed: str
    initiator: str
    from_: str = Field(alias="from")
    to: Party
    asset: str
    amount: Money
    why: str
    until: int
    idempotency: str
    proposed: int
    txid: str | None = Field(description="of a message: its hash, which no chain knows")
    operation: str = Field(description="transfer, call or message")
    does: list[str] = Field(description="of a call or a message: what it does, decoded")
    signature: str | None = Field(description="of a signed message: r, s and v in hex")


class Transfers(Form):
    transfers: list[TransferSummary]


class Decision(Form):
    allowed: bool
    rule: str | None
    obligations: dict[str, Any] | None
    digest: str | None
    code: str | None
    reason: str | None


class ApprovalRow(Form):
    person: str
    time: int
    counts: bool


class PayloadRow(Form):
    digest: str
    time: int
    null: bool
    raw: str
    explained: list[str]


class RefusalRow(Form):
    time: int
    by: str
    what: str
    code: str
    message: str


class Awaited(Form):
    code: str
    text: str
    until: int | None = Field(description="when time alone ends the wait")


class TimelineItem(Form):
    time: int | None
    stage: str
    text: str
    details: list[str]


class TransferAnswer(TransferSummary):
    status: str = Field(
        description="awaiting_approvals, awaiting_screening, delayed, denied, refused, stalled, in_progress; "
        "final: completed, failed, closed"
    )
    decision: Decision
    approvals: list[ApprovalRow]
    nonce: int | None
    payloads: list[PayloadRow]
    txids: list[str]
    confirmations: int | None
    refusals: list[RefusalRow]
    awaiting: Awaited | None
    timeline: list[TimelineItem]
    version: str = Field(description="changes with anything above; see the parameter `version`")


class ProposalEvidence(Form):
    entry: int
    envelope: DsseEnvelope


class SubmissionAnswer(Form):
    kind: str
    status: str = Field(description="logged, or collected until others have signed too")
    entry: int | None
    transfer: str | None
    lacking: str


class NodeRow(Form):
    name: str
    duty: str
    connected: bool
    started: bool
    rejoined: bool
    size: int
    cosigned: int
    skew_ms: int
    bans: int


class HaveNeed(Form):
    have: int
    need: int


class LogStatus(Form):
    size: int
    cosigned: int
    fresh: int | None


class PolicyStatus(Form):
    version: int
    expires: int


class ChainRow(Form):
    chain: str
    reachable: bool
    block: int | None
    error: str


class TransferCounts(Form):
    open: int
    all: int


class NodeDigest(Form):
    size: int
    digest: str


class StatusAnswer(Form):
    workspace: str
    label: str
    time: int
    log: LogStatus
    policy: PolicyStatus
    nodes: list[NodeRow]
    witnesses: HaveNeed
    quorums: dict[str, HaveNeed]
    chains: list[ChainRow]
    transfers: TransferCounts
    findings: list[str]
    digests: dict[str, NodeDigest] | None
