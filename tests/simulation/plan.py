"""What a seed decides before it runs: how bad the network is, who fails, whose clock is wrong, who is an enemy."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Final

from tests.workspace import NODES

SIGNERS: Final = tuple(name for name in NODES if name.startswith("signer"))


@dataclass(frozen=True)
class Plan:
    """Chances are per message, rates per virtual second; at most one witness (f) is ever bad or restored."""

    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    in_order: bool = True
    node_crashes: float = 0.0
    coordinator_crashes: float = 0.0
    coordinator_restores: float = 0.0
    outages: float = 0.0
    chain_faults: float = 0.0
    relay_crashes: float = 0.0
    byzantine: str = ""
    restored: str = ""
    cheats: bool = False
    attack: str = ""
    """The favourite move of somebody who owns the relay and the log key, if there is such an enemy."""
    withholds: bool = False
    """The relay hands no stop on: only files reach the signers."""
    relayless: bool = False
    """No relay of stops either: what one node was handed, only that node holds."""
    refreshes: bool = False
    """Administrators order refreshes of the key."""
    skew: dict[str, int] = field(default_factory=dict)
    tick: float = 0.5
    acts: float = 0.5

    @property
    def recovers(self) -> bool:
        """Whether the log must go on afterwards, with a repair where it is split: clocks agree enough."""
        skews = (0, *self.skew.values())
        return max(skews) - min(skews) < 20_000

    def calm(self) -> Plan:
        """The same people and machines, without any further fault."""
        return replace(
            self, lost=0, doubled=0, late=0, node_crashes=0, coordinator_crashes=0, coordinator_restores=0, outages=0,
            chain_faults=0, relay_crashes=0, withholds=False, acts=0, restored="", attack="",
        )  # fmt: skip

    def describe(self) -> str:
        """What is out of the ordinary, in one line."""
        plain = Plan()
        return ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in ((name, getattr(self, name)) for name in self.__dataclass_fields__)
            if value != getattr(plain, name)
        )


def draw(rng: random.Random) -> Plan:
    """A plan: every kind of trouble in about every third seed, so that all of them meet."""

    def sometimes(most: float) -> float:
        return rng.uniform(0, most) if rng.random() < 0.4 else 0.0

    bad = rng.choice(["", "", "byzantine", "byzantine", "restored", "restored"])
    who = rng.choice(NODES)
    skew = {}
    if rng.random() < 0.4:
        far = rng.choice((5_000, 25_000, 60_000))
        skew = {name: rng.randint(-far, far) for name in (*NODES, "coordinator") if rng.random() < 0.5}
    withholds = rng.random() < 0.25
    return Plan(
        lost=sometimes(0.05),
        doubled=sometimes(0.1),
        late=sometimes(0.05),
        in_order=rng.random() < 0.5,
        node_crashes=max(sometimes(0.15), 0.2 * withholds),
        coordinator_crashes=sometimes(0.08),
        coordinator_restores=sometimes(0.03),
        outages=sometimes(0.1),
        chain_faults=sometimes(0.1),
        relay_crashes=sometimes(0.1),
        byzantine=who if bad == "byzantine" else "",
        restored=who if bad == "restored" else "",
        cheats=rng.random() < 0.5,
        attack=rng.choice(("", "", "", "split", "forge", "sign", "replay")),
        withholds=withholds,
        relayless=withholds and rng.random() < 0.7,
        refreshes=rng.random() < 0.2,
        skew=skew,
        tick=rng.choice((0.5, 1.0)),
        acts=rng.uniform(0.3, 1.0),
    )
