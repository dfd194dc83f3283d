"""Who together could sign, and who together could stop everything: by nodes, by where they stand, and by people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from strongroom.custody.authority import in_force
from strongroom.custody.state import CustodyState, ThresholdKey
from strongroom.documents.names import AssetId
from strongroom.policy.model import Allowance, Node, Policy, Rule
from strongroom.policy.quorums import fewest

LABELS: Final = ("provider", "region", "jurisdiction", "site")


@dataclass(frozen=True, slots=True)
class Sets:
    """The smallest sets, by one way of counting, that hold enough; several may be equally small."""

    counted_by: str
    sign: tuple[frozenset[str], ...]
    block: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class KeyPosture:
    """One key: `threshold` of `participants` sign; the smallest sets of nodes, providers, regions … that could."""

    key: str
    scheme: str
    tier: str
    wallets: tuple[str, ...]
    threshold: int
    participants: tuple[str, ...]
    sets: tuple[Sets, ...]


@dataclass(frozen=True, slots=True)
class RulePosture:
    """One allowing rule: how few people and services move up to `amount` base units (None: no bound) by it."""

    rule: str
    wallets: tuple[str, ...]
    assets: tuple[AssetId, ...]
    amount: int | None
    people: int
    services: int
    own_wallets_only: bool


@dataclass(frozen=True, slots=True)
class Posture:
    """What it takes, and what stands out."""

    keys: tuple[KeyPosture, ...]
    witnesses: Sets
    rules: tuple[RulePosture, ...]
    findings: tuple[str, ...]


def posture(state: CustodyState) -> Posture:
    """The posture of a workspace at a state; raises Refused before `workspace.created`."""
    policy = in_force(state)
    keys = tuple(_key(state, policy, key) for key in sorted(state.keys.values(), key=lambda key: key.name))
    n, q = len(policy.nodes), policy.witness_quorum
    witnesses = Sets("node", _smallest(_places(policy, "node", policy.nodes), q),
                     _smallest(_places(policy, "node", policy.nodes), n - q + 1))  # fmt: skip
    rules = tuple(_rule(state, policy, rule, rule.allowance) for rule in policy.rules if rule.allowance)
    return Posture(keys, witnesses, rules, tuple(_findings(policy, keys)))


def _key(state: CustodyState, policy: Policy, key: ThresholdKey) -> KeyPosture:
    wallets = tuple(sorted(w.name for w in state.wallets.values() if w.key == key.name and not w.closed))
    spare = len(key.participants) - key.threshold + 1
    sets = []
    for label in ("node", *LABELS):
        places = _places(policy, label, key.participants)
        sets.append(Sets(label, _smallest(places, key.threshold), _smallest(places, spare)))
    return KeyPosture(key.name, key.scheme, key.tier, wallets, key.threshold, key.participants, tuple(sets))


def _places(policy: Policy, label: str, names: tuple[str, ...] | Mapping[str, Node]) -> dict[str, int]:
    """How many of the named nodes stand at each value of a placement label, or each for itself."""
    places: dict[str, int] = defaultdict(int)
    for name in names:
        node = policy.nodes.get(name)
        where = name if label == "node" else node.placement[label] if node else f"{name} (no longer enrolled)"
        places[where] += 1
    return dict(places)


def _smallest(places: Mapping[str, int], needed: int) -> tuple[frozenset[str], ...]:
    """Every smallest set of places that together hold at least `needed`; the places are few."""
    for size in range(1, len(places) + 1):
        found = [group for group in combinations(sorted(places), size) if sum(places[p] for p in group) >= needed]
        if found:
            return tuple(map(frozenset, found))
    return ()


def _rule(state: CustodyState, policy: Policy, rule: Rule, terms: Allowance) -> RulePosture:
    c = rule.condition
    wallets = (w for w in state.wallets.values() if not w.closed)
    reached = [w.name for w in wallets if c.wallets is None or w.name in c.wallets]
    reached = [w for w in reached if c.tiers is None or state.wallets[w].tier in c.tiers]
    people, services = fewest(policy, c, terms)
    own = c.own_wallets and c.accounts is None and c.listed is None and not c.one_time
    assets = tuple(sorted(policy.assets if c.assets is None else c.assets))
    return RulePosture(rule.name, tuple(sorted(reached)), assets, c.amount_max, people, services, own)


def _findings(policy: Policy, keys: tuple[KeyPosture, ...]) -> Iterator[str]:
    """What an owner should know: a single place that reaches a threshold or could stop a key."""
    for key in keys:
        for sets in key.sets:
            alone = [next(iter(group)) for group in sets.sign if len(group) == 1]
            for place in alone:
                yield f"key '{key.key}': {sets.counted_by} '{place}' alone holds {key.threshold} shares and could sign"
        gone = sorted(set(key.participants) - policy.nodes.keys())
        if gone:
            yield f"key '{key.key}': {', '.join(gone)} holds a share and is no longer enrolled"
    stand = {node.placement["provider"] for node in policy.nodes.values()}
    if len(stand) == 1:
        yield f"every node stands with one provider, '{stand.pop()}'"
