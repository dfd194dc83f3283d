"""The workspace's own entries: its creation, and the versions of its policy."""

from __future__ import annotations

from dataclasses import replace

from strongroom.custody.authority import distinct, granting, in_force, require_quorum, require_subject
from strongroom.custody.limits import resummed
from strongroom.custody.state import CustodyState, Proposal
from strongroom.documents.canonical import fields
from strongroom.documents.statement import from_envelope, verify_statement
from strongroom.errors import Refused
from strongroom.log.entry import Entry
from strongroom.policy.compare import tightens
from strongroom.policy.loader import load_policy
from strongroom.policy.model import Policy


def on_created(state: CustodyState, entry: Entry) -> CustodyState:
    """The first entry: every first administrator and every first node signs the whole first policy."""
    if state.size:
        raise Refused("workspace.created_twice", "a log holds one workspace, created by its first entry")
    body = fields(entry.body, "workspace.created", {"policy": dict, "salt": str})
    policy = load_policy(body["policy"])
    if policy.version != 1 or policy.expires <= entry.time:
        raise Refused("policy.version", "the first policy has version 1 and has not expired")
    subject = {"policy": policy.digest, "salt": body["salt"]}
    names = []
    for envelope in entry.evidence:
        statement = from_envelope(envelope)
        credential = policy.credential(statement.person, statement.key)
        if statement.kind != "workspace.create" or statement.workspace is not None:
            raise Refused("statement.wrong_kind", "the creation carries statements of kind workspace.create only")
        if credential is None:
            raise Refused("statement.unknown_key", f"the first policy lists no such key for '{statement.person}'")
        verify_statement(envelope, credential)
        require_subject(statement, subject)
        names.append(statement.person)
    for name in sorted((policy.administrators.members | policy.nodes.keys()) - distinct(names)):
        raise Refused("authority.threshold", f"'{name}' has not signed the creation of the workspace")
    return replace(state, workspace=entry.leaf.hex(), policy=policy)


def on_proposed(state: CustodyState, entry: Entry) -> CustodyState:
    """A new version, signed by the administrators' threshold of the old one and of its own (the TUF root rule)."""
    old = in_force(state)
    new = load_policy(fields(entry.body, "policy.proposed", {"policy": dict})["policy"])
    if new.version != old.version + 1 or new.expires <= entry.time:
        raise Refused("policy.version", f"the next policy has version {old.version + 1} and has not expired")
    if new.document["witnesses"] != old.document["witnesses"]:
        raise Refused("witnesses.joint_quorum_missing", "a policy cannot change the witnesses by itself")
    subject = {"policy": new.digest, "version": new.version}
    if not entry.evidence:
        raise Refused("evidence.count", "policy.proposed carries no statement")
    for policy in (old, new):
        names = []
        for envelope in entry.evidence:
            statement = from_envelope(envelope)
            if policy.credential(statement.person, statement.key) is None:
                continue
            require_subject(granting(replace(state, policy=policy), envelope, "policy.propose", entry.time), subject)
            names.append(statement.person)
        require_quorum(policy.administrators, distinct(names), f"policy version {new.version}")
    _require_names(state, new)
    if tightens(old, new):
        return adopted(state, new)
    return replace(state, proposal=Proposal(new, entry.time + old.cool_down * 1000))


def on_adopted(state: CustodyState, entry: Entry) -> CustodyState:
    """The open proposal comes into force once its cool-down has passed in log time."""
    version = fields(entry.body, "policy.adopted", {"version": int})["version"]
    if state.proposal is None or state.proposal.policy.version != version:
        raise Refused("policy.no_proposal", f"no proposal of version {version} is open")
    if entry.time < state.proposal.adoptable:
        raise Refused("policy.cool_down", f"version {version} may be adopted at {state.proposal.adoptable}, not before")
    return adopted(state, state.proposal.policy)


def adopted(state: CustodyState, policy: Policy) -> CustodyState:
    """The state under a new policy, its windows summed anew from the whole history."""
    _require_names(state, policy)
    return replace(state, policy=policy, proposal=None, windows=resummed(state, policy))


def _require_names(state: CustodyState, policy: Policy) -> None:
    chains, tiers = {w.chain for w in state.wallets.values()}, {k.tier for k in state.keys.values()}
    if not (chains <= policy.chains.keys() and tiers <= policy.tiers.keys()):
        raise Refused("policy.in_use", "a policy goes on naming every wallet's chain and every key's tier")
    old, new = in_force(state).valuation, policy.valuation
    if old and (new is None or (new.unit, new.decimals) != (old.unit, old.decimals)):
        raise Refused("policy.in_use", "a policy goes on with its unit of account: sums of values are sums of one unit")
