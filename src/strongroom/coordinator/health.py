"""The installation's health: nodes, clocks, chains, quorums, and what an operator should mend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from strongroom.coordinator.answers import ChainHealth, Health, NodeHealth, Split
from strongroom.coordinator.desk import Desk
from strongroom.coordinator.refresh import WORN
from strongroom.policy.model import Duty

MOST_SKEW_MS: Final = 30_000  # clocks further apart stop hot signing


def health(desk: Desk, split: Split, notices: Sequence[str]) -> Health:
    """What can be said now."""
    policy = desk.cosigned.policy or desk.state.policy
    boots = desk.cosigned.boots
    nodes = tuple(
        NodeHealth(
            name=peer.name,
            duty=peer.duty,
            connected=peer.connected,
            size=peer.size,
            cosigned=peer.cosigned,
            skew_ms=peer.skew,
            rejoined=peer.rejoined,
            started=peer.name in boots and bool(peer.boot) and boots[peer.name].boot == peer.boot,
            bans=peer.bans,
        )
        for peer in desk.peers
        if policy is None or peer.name in policy.nodes
    )
    chains = tuple(
        ChainHealth(str(c.name), c.reachable, c.block if c.block >= 0 else None, c.error) for c in desk.chains.values()
    )
    have, need = desk.witnesses()
    quorums = {k.name: (len(desk.available(k)), k.threshold) for k in desk.state.keys.values()}
    return Health(nodes, chains, have, need, quorums, (*_findings(desk, split, nodes, chains), *notices))


def _findings(
    desk: Desk, split: Split, nodes: tuple[NodeHealth, ...], chains: tuple[ChainHealth, ...]
) -> Iterator[str]:
    if split.stuck:
        yield "the witnesses hold different logs, and none has a quorum: strongroom log repair"
    if desk.state.changing is not None:
        yield "a change of the witnesses waits for a checkpoint of both quorums, the old and the new"
    have, need = desk.witnesses()
    if have < need:
        yield f"witnesses {have} of {need}: nothing can be cosigned"
    for node in nodes:
        if not node.connected:
            yield f"{node.name} is not connected"
        elif not node.rejoined:
            yield f"{node.name} has not rejoined: it neither cosigns nor signs yet"
        elif node.duty == Duty.SIGNER and not node.started:
            yield f"the start of {node.name} is not in the log yet: it joins no session"
        if node.bans:
            yield f"{node.name} bars {node.bans} of its peers: order a next epoch of its keys"
    skews = [node.skew_ms for node in nodes if node.connected] + [0]
    if max(skews) - min(skews) > MOST_SKEW_MS:
        yield f"clocks are {(max(skews) - min(skews)) / 1000:.0f} s apart: signing stops beyond 30 s"
    for chain in chains:
        if not chain.reachable:
            yield f"the node of {chain.chain} does not answer ({chain.error or 'not asked yet'})"
    for name, key in desk.state.keys.items():
        if (used := desk.probes(key)) >= WORN:
            yield f"{used} of 16 sessions of a pair with key '{name}' broke off: a refresh begins once all are here"
        yield f"key '{name}' has no share backup: two lost signers of three would lose it"
    policy = desk.state.policy
    if policy is not None and policy.coordinator != desk.key.credential:
        yield "log.key is not the policy's: nodes need coordinator.json, and a next version has to name the key"
    for name in policy.chains if policy else ():
        if name not in desk.chains:
            yield f"no node of {name} is configured in coordinator.toml"
