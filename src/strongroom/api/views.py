"""The state of the workspace as documents: policy, keys, wallets, addresses, freezes, status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.api.facade import Health, KeygenProgress, OrderProgress, Split
from strongroom.chains.evm.checksum import checksum
from strongroom.custody.authority import in_force
from strongroom.custody.state import CustodyState, Freeze
from strongroom.custody.witnesses import fresh_since, witnesses
from strongroom.custody.words import address_of
from strongroom.documents.names import AccountId
from strongroom.log.checkpoint import Note, parse_note, quorum
from strongroom.policy.words import duration

EXPIRES_SOON_MS = 30 * 86_400_000


def workspace_document(state: CustodyState) -> dict[str, Any]:
    """Which workspace this is, and how far its log goes."""
    policy = in_force(state)
    return {
        "workspace": state.workspace,
        "label": policy.label,
        "size": state.size,
        "time": state.time,
        "policy_version": policy.version,
    }


def checkpoint_document(note: str) -> dict[str, Any]:
    """The newest quorum-cosigned head: what statements name as seen."""
    parsed: Note = parse_note(note)
    return {"note": note, "size": parsed.checkpoint.size, "root": parsed.checkpoint.root.hex()}


def policy_document(state: CustodyState) -> dict[str, Any]:
    """The policy in force, and the version that waits out its cool-down."""
    policy, proposal = in_force(state), state.proposal
    prices = None
    if state.prices:
        table = {asset: str(price) for asset, price in sorted(state.prices.table.items())}
        prices = {"observed": state.prices.observed, "table": table}
    return {
        "version": policy.version,
        "digest": policy.digest,
        "expires": policy.expires,
        "policy": dict(policy.document),
        "suspended": sorted(state.suspended),
        "revoked": sorted(state.revoked),
        "prices": prices,
        "proposal": {
            "version": proposal.policy.version,
            "digest": proposal.policy.digest,
            "adoptable": proposal.adoptable,
            "policy": dict(proposal.policy.document),
        }
        if proposal
        else None,
    }


def keys_document(state: CustodyState) -> dict[str, Any]:
    """Every threshold key; public data only."""
    return {
        "keys": [
            {
                "name": key.name,
                "scheme": key.scheme,
                "tier": key.tier,
                "public_key": key.public_key.hex(),
                "participants": list(key.participants),
                "threshold": key.threshold,
                "epoch": key.epoch,
            }
            for _, key in sorted(state.keys.items())
        ]
    }


def keygens_document(progress: tuple[KeygenProgress, ...]) -> dict[str, Any]:
    """Key generations that run or have ended since the coordinator started."""
    rows = [{"name": p.name, "stage": p.stage, "done": p.done, "total": p.total, "error": p.error} for p in progress]
    return {"keygens": rows}


def repair_document(split: Split) -> dict[str, Any]:
    """Which heads there are, and what a repair would keep and sequence again."""
    heads = [
        {"repair": repair, "size": size, "root": root, "nodes": sorted(nodes)}
        for (repair, size, root), nodes in sorted(split.heads.items())
    ]
    again = [{"index": index, "kind": kind} for index, kind in split.again]
    return {"stuck": split.stuck, "number": split.number, "cosigned": split.cosigned, "heads": heads, "again": again}


def orders_document(progress: tuple[OrderProgress, ...]) -> dict[str, Any]:
    """What administrators have ordered of the witnesses since the coordinator started."""
    return {
        "orders": [
            {
                "kind": p.kind,
                "subject": dict(p.subject),
                "stage": p.stage,
                "have": p.have,
                "need": p.need,
                "stated": list(p.stated),
                "error": p.error,
            }
            for p in progress
        ]
    }


def wallets_document(state: CustodyState, balances: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Every wallet with its address; `balances` (wallet → asset → base units) as far as they are known."""
    return {
        "wallets": [
            {
                "name": wallet.name,
                "chain": wallet.chain,
                "key": wallet.key,
                "path": list(wallet.path),
                "tier": wallet.tier,
                "account": f"{wallet.chain}:{wallet.address}",
                "address": checksum(wallet.address),
                "usable": wallet.usable,
                "next_nonce": wallet.next_nonce,
                "closed": wallet.closed,
                "balances": {asset: str(sum_) for asset, sum_ in sorted(balances.get(wallet.name, {}).items())},
            }
            for _, wallet in sorted(state.wallets.items())
        ]
    }


def addresses_document(state: CustodyState) -> dict[str, Any]:
    """Every listed destination."""
    rows = sorted(state.addresses.values(), key=lambda row: (row.group, row.label, row.account))
    return {
        "addresses": [
            {
                "account": row.account,
                "address": address_of(AccountId(row.account)),
                "group": row.group,
                "label": row.label,
                "tags": sorted(row.tags),
                "usable": row.usable,
            }
            for row in rows
        ]
    }


def freezes_document(state: CustodyState, now: int) -> dict[str, Any]:
    """Every freeze there was, newest first; `in_force` at `now` (unix ms)."""
    rows = sorted(state.freezes.values(), key=lambda freeze: -freeze.time)
    return {
        "freezes": [
            {
                "id": freeze.id,
                "scope": freeze.scope,
                "target": freeze.target,
                "reason": freeze.reason,
                "people": sorted(freeze.people),
                "time": freeze.time,
                "ends": freeze.ends,
                "in_force": _holds(freeze, now),
            }
            for freeze in rows
        ]
    }


def status_document(
    state: CustodyState,
    cosigned: CustodyState,
    note: str,
    health: Health,
    now: int,
    digests: Mapping[str, tuple[int, str]] | None,
) -> dict[str, Any]:
    """The health of each role at `now` (unix ms), and everything that is missing, in plain words."""
    policy = in_force(state)
    nodes = [
        {
            "name": node.name,
            "duty": node.duty,
            "connected": node.connected,
            "started": node.started,
            "rejoined": node.rejoined,
            "size": node.size,
            "cosigned": node.cosigned,
            "skew_ms": node.skew_ms,
            "bans": node.bans,
        }
        for node in health.nodes
    ]
    return {
        "workspace": state.workspace,
        "label": policy.label,
        "time": now,
        "log": {"size": state.size, "cosigned": cosigned.size, "fresh": _fresh(cosigned, note)},
        "policy": {"version": policy.version, "expires": policy.expires},
        "nodes": nodes,
        "witnesses": {"have": health.witnesses_have, "need": health.witnesses_need},
        "quorums": {key: {"have": have, "need": need} for key, (have, need) in sorted(health.quorums.items())},
        "chains": [
            {"chain": c.chain, "reachable": c.reachable, "block": c.block, "error": c.error} for c in health.chains
        ],
        "transfers": {"open": len(state.open), "all": len(state.proposals.rows)},
        "findings": findings(state, health, now),
        "digests": None
        if digests is None
        else {name: {"size": size, "digest": value} for name, (size, value) in sorted(digests.items())},
    }


def findings(state: CustodyState, health: Health, now: int) -> list[str]:
    """What a person should know or mend: what the coordinator sees, and what the log says."""
    policy, found = in_force(state), list(health.findings)
    for freeze in state.freezes.values():
        if _holds(freeze, now):
            what = f"{freeze.scope} {freeze.target}".strip()
            found.append(f"frozen: {what} ({freeze.reason}), freeze {freeze.id[:12]}")
    if policy.expires - now < EXPIRES_SOON_MS:
        left = duration(max(0, (policy.expires - now) // 86_400_000) * 86_400)
        found.append(f"version {policy.version} of the policy expires in {left}: then nothing moves")
    if not state.keys:
        found.append("no key yet: strongroom key generate")
    elif not state.wallets:
        found.append("no wallet yet: strongroom wallet open")
    return found


def _holds(freeze: Freeze, now: int) -> bool:
    return freeze.ends is None or freeze.ends > now


def _fresh(cosigned: CustodyState, note: str) -> int | None:
    """Until when (unix ms of the oldest needed cosignature) the newest checkpoint was seen by a quorum."""
    if not note or cosigned.policy is None:
        return None
    since = fresh_since(cosigned, quorum(parse_note(note), witnesses(cosigned)))
    return since * 1000 if since >= 0 else None
