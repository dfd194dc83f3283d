"""Whose word a head needs: nobody else counts witnesses, and a change of theirs takes both quorums."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from strongroom.custody.authority import agreeing, distinct, in_force, require_subject, stopping
from strongroom.custody.state import Change, CustodyState
from strongroom.documents.canonical import encode, fields
from strongroom.documents.credentials import Credential
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import from_envelope
from strongroom.errors import Refused
from strongroom.log.accept import Accept, accepted_by
from strongroom.log.checkpoint import Note, origin_of, parse_note, quorum
from strongroom.log.entry import Entry
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy

ORDERS: Final = {"signer.enrolled": "signer.enrol", "signer.retired": "signer.retire"}
"""Entry kind → the statement by which administrators order it."""


@dataclass(frozen=True, slots=True)
class Electorate:
    """Witnesses of whom `quorum` must agree and `faults` may be bad; a repair hears `shown` of them (n - f)."""

    witnesses: Mapping[str, Credential]
    quorum: int
    faults: int
    shown: int

    def count(self, names: Collection[str]) -> int:
        """How many of them are among these."""
        return len(self.witnesses.keys() & set(names))


def electorates(state: CustodyState) -> tuple[Electorate, ...]:
    """The sets that must each reach their quorum for this head: the newest, and until it is certified the one before.

    Who leaves is not counted in the set before, and its quorum is not made smaller for that.
    """
    known, newest = witnesses(state), in_force(state)
    policies = (newest,) if state.changing is None else (state.changing.before, newest)
    return tuple(
        Electorate({n: known[n] for n in p.nodes if n in known}, p.witness_quorum, p.faults, len(p.nodes) - p.faults)
        for p in policies
    )


def witnesses(state: CustodyState) -> dict[str, Credential]:
    """Everybody whose word may count; nobody before the first entry."""
    return {name: node.credential for name, node in state.policy.nodes.items()} if state.policy else {}


def reached(state: CustodyState, names: Collection[str]) -> bool:
    """Whether these witnesses are a quorum of every electorate."""
    return all(each.count(names) >= each.quorum for each in electorates(state))


def vouched(state: CustodyState, names: Collection[str]) -> bool:
    """Whether an honest witness must be among these: f+1 of every electorate."""
    return all(each.count(names) > each.faults for each in electorates(state))


def accepted(state: CustodyState, accepts: Iterable[Accept]) -> dict[str, Accept]:
    """The valid accepts of exactly this state's head and repair number, by witness."""
    return accepted_by(accepts, state.workspace, (state.size, state.root, state.repair), witnesses(state))


def cosigned(state: CustodyState, note: Note, root: bytes | None = None) -> dict[str, int]:
    """The witnesses with the times (unix s) of their cosignatures on a quorum-cosigned note of this log.

    `root` is the log's own at the note's size, this state's by default; raises Refused.
    """
    if note.checkpoint.origin != origin_of(state.workspace):
        raise Refused("statement.other_workspace", "the checkpoint is of another log")
    if note.checkpoint.root != (state.root if root is None else root):
        raise Refused("checkpoint.not_extending", "the checkpoint is of another branch")
    times = quorum(note, witnesses(state))
    if not reached(state, times):
        needs = " and ".join(f"{each.quorum} of {len(each.witnesses)}" for each in electorates(state))
        raise Refused("checkpoint.no_quorum", f"{len(times)} witnesses have cosigned, it takes {needs}")
    return times


def fresh_since(state: CustodyState, times: Mapping[str, int]) -> int:
    """The time (unix s) at which the last witness that a quorum needed had cosigned; -1 without a quorum."""
    if not reached(state, times):
        return -1
    return min(
        sorted((times[name] for name in each.witnesses.keys() & times), reverse=True)[each.quorum - 1]
        for each in electorates(state)
    )


def next_policy(state: CustodyState, kind: str, body: dict[str, Any]) -> tuple[Policy, CustodyState]:
    """The policy of a `signer.enrolled` or `signer.retired`, and the state that its statements are verified on.

    One joins, and one may leave for it; or one leaves. Raises InvalidInput, Refused.
    """
    old, new = in_force(state), load_policy(fields(body, kind, {"policy": dict})["policy"])
    if state.changing is not None:
        raise Refused("witnesses.change_open", "no checkpoint of both quorums covers the last change yet")
    if new.version != old.version + 1 or _rest(new) != _rest(old):
        raise Refused("policy.version", f"the policy has version {old.version + 1}, and differs in its witnesses only")
    joining, leaving = new.nodes.keys() - old.nodes.keys(), old.nodes.keys() - new.nodes.keys()
    kept = all(new.nodes[name] == node for name, node in old.nodes.items() if name not in leaving)
    if not kept or len(leaving) > 1 or (len(joining), len(leaving)) == (0, 0) or len(joining) > 1:
        raise Refused("witnesses.one_at_a_time", "one node joins, and one may leave for it, or one leaves")
    if bool(joining) != (kind == "signer.enrolled"):
        raise Refused("witnesses.one_at_a_time", "signer.enrolled is for a node that joins, signer.retired for none")
    for key in state.keys.values():
        if joining & set(key.participants):
            raise Refused("node.name_taken", f"a node of key '{key.name}' had this name")
        if len(new.nodes.keys() & set(key.participants)) < key.threshold or new.faults < key.threshold - 1:
            raise Refused("key.threshold", f"key '{key.name}' would keep too few of its signers, or of the witnesses")
    changing = Change(old, state.size + 1)
    return new, replace(state, policy=new, proposal=None, changing=changing)


def named(policy: Policy) -> dict[str, Any]:
    """What statements about a change of the witnesses are about."""
    return {"policy": policy.digest, "version": policy.version}


def _rest(policy: Policy) -> bytes:
    return encode({name: part for name, part in policy.document.items() if name not in ("version", "witnesses")})


def require_order(state: CustodyState, kind: str, policy: Policy, envelopes: Iterable[Envelope], time: int) -> None:
    """Raises Refused enrolment.not_by_administrators unless their threshold has ordered exactly this next policy."""
    names = agreeing(state, envelopes, ORDERS[kind], named(policy), time)
    administrators = in_force(state).administrators
    if len(names & administrators.members) < administrators.threshold:
        raise Refused("enrolment.not_by_administrators", f"it takes {administrators.threshold} administrators")


def require_possession(state: CustodyState, before: Policy, envelopes: Iterable[Envelope]) -> None:
    """Raises Refused enrolment.not_by_the_node unless who joins has stated, with its new key, what it joins as."""
    joined = []
    for envelope in envelopes:
        statement = stopping(state, envelope, "signer.join")
        spec = in_force(state).document["witnesses"]["nodes"].get(statement.person, {})
        require_subject(statement, {"name": statement.person, **spec})
        joined.append(statement.person)
    if distinct(joined) != in_force(state).nodes.keys() - before.nodes.keys():
        raise Refused("enrolment.not_by_the_node", "exactly the node that joins states that it does")


def accepting(state: CustodyState, envelope: Envelope) -> str:
    """The witness that accepts the change to the policy of this state; raises Refused."""
    statement = stopping(state, envelope, "witness.change")
    require_subject(statement, named(in_force(state)))
    return statement.person


def on_change(state: CustodyState, entry: Entry) -> CustodyState:
    """A node joins, joins for another, or leaves; in force alone once both quorums have cosigned it."""
    policy, after = next_policy(state, entry.kind, entry.body)
    parts: dict[str, list[Envelope]] = {ORDERS[entry.kind]: [], "signer.join": [], "witness.change": []}
    for envelope in entry.evidence:
        kind = from_envelope(envelope).kind
        if kind not in parts:
            raise Refused("statement.wrong_kind", f"{entry.kind} carries no statement of kind {kind}")
        parts[kind].append(envelope)
    require_order(state, entry.kind, policy, parts[ORDERS[entry.kind]], entry.time)
    require_possession(after, in_force(state), parts["signer.join"])
    if not reached(after, distinct(accepting(after, envelope) for envelope in parts["witness.change"])):
        raise Refused("witnesses.joint_quorum_missing", "it takes the acceptance of both quorums, the old and the new")
    boots = after.boots
    for name in set(boots) & in_force(state).nodes.keys() - policy.nodes.keys():
        boots = boots.delete(name)
    return replace(after, boots=boots)


def on_changed(state: CustodyState, entry: Entry) -> CustodyState:
    """The certificate: a checkpoint that covers the change, cosigned by both quorums; the new set goes on alone."""
    note = parse_note(fields(entry.body, "witnesses.changed", {"note": str})["note"])
    if state.changing is None:
        raise Refused("witnesses.no_change", "no change of the witnesses waits for its certificate")
    root = state.roots.get(note.checkpoint.size) if note.checkpoint.size >= state.changing.size else None
    if root is None:
        raise Refused("witnesses.joint_quorum_missing", "the checkpoint does not cover the change, or is too old")
    cosigned(state, note, root)
    return replace(state, changing=None)
