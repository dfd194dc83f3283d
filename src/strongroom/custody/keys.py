"""Threshold keys enter the log: an administrators' order, one transcript signed by all, and a working signature.

A refresh needs no order: it gives the same participants fresh state for the same shares, and nobody anything more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from strongroom.chains.verify import ECDSA_SCHEMES, verify_signature
from strongroom.custody.authority import distinct, granting, in_force, require_quorum, require_subject, stopping
from strongroom.custody.state import CustodyState, ThresholdKey
from strongroom.documents.canonical import encode, fields
from strongroom.documents.names import parse_hash, parse_hex, parse_slug
from strongroom.documents.statement import Statement, from_envelope
from strongroom.errors import Refused
from strongroom.log.entry import Entry
from strongroom.policy.model import Duty

ORDER: Final = {"name": str, "scheme": str, "tier": str, "participants": list, "threshold": int, "epoch": int}
OUTCOME: Final = {"public_key": str, "chain_code": str | None, "transcript": str}
RESULT: Final = {"order": dict, **OUTCOME, "possession": str}
REFRESHED: Final = {"key": str, "epoch": int, **OUTCOME, "possession": str}


def possession_digest(workspace: str, name: str, transcript: str) -> bytes:
    """The 32 bytes that a new key signs once to prove that its shares work; it can be no transaction's digest."""
    subject = {"purpose": "strongroom key possession", "workspace": workspace, "key": name, "transcript": transcript}
    return hashlib.sha256(encode(subject)).digest()


def check_order(state: CustodyState, order: dict[str, Any]) -> None:
    """Raise Refused unless the order names a new key that the policy can hold."""
    policy = in_force(state)
    fields(order, "key order", ORDER)
    tier = policy.tiers.get(order["tier"])
    if tier is None or order["scheme"] not in tier.schemes:
        raise Refused("key.scheme", f"the policy allows no {order['scheme']} key in tier '{order['tier']}'")
    if parse_slug(order["name"]) in state.keys or order["epoch"] != 0:
        raise Refused("key.exists", f"a key named '{order['name']}' exists, or the epoch is not 0")
    participants, threshold = order["participants"], order["threshold"]
    known = [policy.nodes.get(name) for name in participants if isinstance(name, str)]
    if len(known) != len(participants) or not all(node and node.duty is Duty.SIGNER for node in known):
        raise Refused("key.participants", "the participants of a key are enrolled signers")
    if participants != sorted(set(participants)):
        raise Refused("key.participants", "the participants are named once each, in alphabetical order")
    if threshold < 2 or len(participants) < 2 * threshold - 1 or policy.faults < threshold - 1:
        raise Refused("key.threshold", "a threshold key needs t ≥ 2, n ≥ 2t-1 signers, and witnesses with f ≥ t-1")


def on_generated(state: CustodyState, entry: Entry) -> CustodyState:
    """A finished key generation: order, identical transcripts, possession proof."""
    body = fields(entry.body, "key.generated", RESULT)
    order = body["order"]
    check_order(state, order)
    outcome = {name: value for name, value in body.items() if name not in ("order", "possession")}
    subject = {"key": order["name"], "epoch": order["epoch"], **outcome}
    ordering, signing = [], []
    for envelope in entry.evidence:
        statement = from_envelope(envelope)
        if statement.kind == "key.generate":
            require_subject(granting(state, envelope, "key.generate", entry.time), order)
            ordering.append(statement.person)
        else:
            _require_outcome(stopping(state, envelope, "key.transcript"), subject)
            signing.append(statement.person)
    require_quorum(in_force(state).administrators, distinct(ordering), "key generation")
    _require_all(distinct(signing), order["participants"])
    public = parse_hex(body["public_key"], 33 if order["scheme"] in ECDSA_SCHEMES else 32)
    digest = possession_digest(state.workspace, order["name"], body["transcript"])
    verify_signature(order["scheme"], public, digest, parse_hex(body["possession"], 64))
    if order["scheme"] in ECDSA_SCHEMES and body["chain_code"] is None:
        raise Refused("key.chain_code", "an ECDSA key carries its chain code")
    key = ThresholdKey(
        name=order["name"],
        scheme=order["scheme"],
        tier=order["tier"],
        public_key=public,
        chain_code=None if body["chain_code"] is None else parse_hex(body["chain_code"], 32),
        participants=tuple(order["participants"]),
        threshold=order["threshold"],
        epoch=order["epoch"],
        transcript=body["transcript"],
    )
    return replace(state, keys=state.keys.set(key.name, key))


def refreshable(state: CustodyState, name: str, epoch: int) -> ThresholdKey:
    """The key that a refresh may bring to this epoch now; raises Refused. A bar ends by the administrators only."""
    key = state.keys.get(parse_slug(name))
    if key is None:
        raise Refused("key.unknown", f"there is no key '{name}'")
    if key.scheme != "ecdsa-dkls23":
        raise Refused("key.scheme", f"sessions of {key.scheme} keys wear nothing out: there is nothing to refresh")
    if epoch != key.epoch + 1:
        raise Refused("key.epoch", f"key '{name}' is in epoch {key.epoch}; a refresh leads to the next")
    if any((bar.key, bar.epoch) == (key.name, key.epoch) for bar in state.bars):
        raise Refused("signer.barred", f"a pair of the signers of '{name}' is barred in this epoch")
    return key


def on_refreshed(state: CustodyState, entry: Entry) -> CustodyState:
    """The next epoch of a key: nothing but epoch and transcript changes, and every participant says so."""
    body = fields(entry.body, "key.refreshed", REFRESHED)
    key = refreshable(state, body["key"], body["epoch"])
    subject = {name: value for name, value in body.items() if name != "possession"}
    signing = []
    for envelope in entry.evidence:
        statement = granting(state, envelope, "key.transcript", entry.time)
        _require_outcome(statement, subject)
        signing.append(statement.person)
    _require_all(distinct(signing), key.participants)
    chain_code = key.chain_code.hex() if key.chain_code else None
    if (body["public_key"], body["chain_code"]) != (key.public_key.hex(), chain_code):
        raise Refused("key.changed", "a refresh changes neither the public key nor the chain code")
    digest = possession_digest(state.workspace, key.name, parse_hash(body["transcript"]))
    verify_signature(key.scheme, key.public_key, digest, parse_hex(body["possession"], 64))
    return replace(
        state, keys=state.keys.set(key.name, replace(key, epoch=body["epoch"], transcript=body["transcript"]))
    )


def _require_all(signing: frozenset[str], participants: Iterable[str]) -> None:
    if signing != set(participants):
        raise Refused("key.transcript_differs", "every participant, and nobody else, signs the transcript")


def _require_outcome(statement: Statement, subject: dict[str, Any]) -> None:
    if encode(statement.subject) != encode(subject):
        raise Refused("key.transcript_differs", f"'{statement.person}' signed another transcript")
