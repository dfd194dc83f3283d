"""Threshold keys enter the log: an administrators' order, one transcript signed by all, and a working signature."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Final

from strongroom.chains.verify import ECDSA_SCHEMES, verify_signature
from strongroom.custody.authority import distinct, granting, in_force, require_quorum, require_subject, stopping
from strongroom.custody.state import CustodyState, ThresholdKey
from strongroom.documents.canonical import encode, fields
from strongroom.documents.names import parse_hex, parse_slug
from strongroom.documents.statement import from_envelope
from strongroom.errors import Refused
from strongroom.log.entry import Entry
from strongroom.policy.model import Duty

ORDER: Final = {"name": str, "scheme": str, "tier": str, "participants": list, "threshold": int, "epoch": int}
RESULT: Final = {"order": dict, "public_key": str, "chain_code": str | None, "transcript": str, "possession": str}


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
            try:
                require_subject(stopping(state, envelope, "key.transcript"), subject)
            except Refused as error:
                if error.code == "statement.other_subject":
                    raise Refused(
                        "key.transcript_differs", f"'{statement.person}' signed another transcript"
                    ) from error
                raise
            signing.append(statement.person)
    require_quorum(in_force(state).administrators, distinct(ordering), "key generation")
    if distinct(signing) != set(order["participants"]):
        raise Refused("key.transcript_differs", "every participant, and nobody else, signs the transcript")
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
