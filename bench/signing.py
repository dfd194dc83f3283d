"""Threshold signatures through three signer processes and a relay process; the log's permission is left out.

The signers run the product's sessions, sealed channel, durable records and core; the relay its bookkeeping. What a
whole transfer costs on top is measured by `transfers`.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.core import WORDS
from bench.figures import Beside, Figure, Goal, Section, figure, middle
from bench.measure import Bench, timed
from bench.parties import generate
from bench.processes import Meter, Processes, free_ports
from strongroom.documents.credentials import SigningKey
from strongroom.documents.keyfile import save_key
from strongroom.keys.threshold import Scheme

NAMES: Final = ("signer-1", "signer-2", "signer-3")
AT_ONCE: Final = 16
DELAY_MS: Final = 40
GOALS: Final = {
    Scheme.ECDSA_DKLS23: (12.0, 120.0),
    Scheme.ED25519_FROST: (7.0, 300.0),
    Scheme.BIP340_FROST: (7.0, 300.0),
}
"""Milliseconds of one signature, signatures a second."""


@dataclass(slots=True)
class Cluster:
    """A relay and three signers, each a process; `delay` milliseconds each way between them."""

    processes: Processes
    home: Path
    delay: int = 0
    public: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start everything and wait until the signers are connected."""
        relay, proxy = free_ports(2)
        workspace, log_key = secrets.token_hex(32), SigningKey.generate()
        self.home.mkdir(mode=0o700)
        save_key(log_key, self.home / "log.key")
        keys = {name: SigningKey.generate() for name in NAMES}
        nodes = {name: key.credential.to_doc() for name, key in keys.items()}
        config = {"workspace": workspace, "port": relay, "key": str(self.home / "log.key"), "nodes": nodes}
        (self.home / "config.json").write_text(json.dumps(config), encoding="utf-8")
        self.processes.python("relay", "bench.harness.coordinator", str(self.home / "config.json"))
        self.processes.line("relay")
        if self.delay:
            self.processes.python("link", "bench.harness.delay", str(proxy), str(relay), str(self.delay))
            self.processes.line("link")
        for name, key in keys.items():
            directory = self.home / name
            directory.mkdir(mode=0o700)
            save_key(key, directory / "node.key")
            told = {"name": name, "workspace": workspace, "relay": proxy if self.delay else relay, "nodes": nodes}
            (directory / "harness.json").write_text(json.dumps(told), encoding="utf-8")
            self.processes.python(name, "bench.harness.signer", str(directory))
        self.processes.line("relay")

    def order(self, **order: Any) -> dict[str, Any]:
        """Tell the relay to do something; what it answers."""
        stream = self.processes.children["relay"].stdin
        assert stream is not None
        stream.write(json.dumps(order) + "\n")
        stream.flush()
        answer: dict[str, Any] = json.loads(self.processes.line("relay"))
        return answer


def run(bench: Bench) -> Section:
    """One at a time, sixteen at once, and over a long link, beside the core alone in one process."""
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    (bench.scratch / "near").mkdir()
    with Processes(bench.scratch / "near") as processes:
        cluster = Cluster(processes, bench.scratch / "near" / "homes")
        cluster.start()
        for scheme in Scheme:
            figures += _measure(bench, cluster, scheme, details)
    (bench.scratch / "far").mkdir()
    with Processes(bench.scratch / "far") as processes:
        cluster = Cluster(processes, bench.scratch / "far" / "homes", DELAY_MS)
        cluster.start()
        for scheme in Scheme:
            figures.append(_far(bench, cluster, scheme))
    return Section(
        "signing",
        "Threshold signatures, 2-of-3, through three signer processes and a relay process",
        tuple(figures),
        (
            "Messages between signers are sealed and signed; sessions in flight and signatures are durable before",
            "anything leaves. The log's permission is left out: `transfers` includes it.",
        ),
        details,
    )


def _measure(bench: Bench, cluster: Cluster, scheme: Scheme, details: dict[str, Any]) -> list[Figure]:
    name, (goal_ms, goal_rate) = WORDS[scheme], GOALS[scheme]
    bench.progress(f"{name}: key")
    cluster.order(do="keygen", scheme=scheme)
    cluster.order(do="sign", scheme=scheme, count=12, at_once=1)
    bench.progress(f"{name}: one at a time")
    count = bench.sized(400, 6)
    single = cluster.order(do="sign", scheme=scheme, count=count, at_once=1)["ms"]
    alone = middle(_alone(bench, scheme, bench.sized(40, 3)))
    bench.progress(f"{name}: {AT_ONCE} at once")
    meter, rounds, many = Meter(cluster.processes.pids()), bench.sized(5, 1), bench.sized(300, AT_ONCE)
    found = [cluster.order(do="sign", scheme=scheme, count=many, at_once=AT_ONCE) for _ in range(rounds)]
    used = {part: seconds * 1e3 / (many * rounds) for part, seconds in meter.read().items()}
    details[scheme.value] = {"cpu_ms_per_signature": used}
    spent = ", ".join(f"{part} {ms:.1f}" for part, ms in used.items())
    return [
        figure(f"{name}: one at a time", "ms", single, tail=True, goal=Goal(goal_ms),
               beside=[Beside("the core alone", alone)]),
        figure(f"{name}: {AT_ONCE} at once", "1/s", [many / each["seconds"] for each in found],
               goal=Goal(goal_rate, up=True), beside=[Beside("the core alone, on one core", 1e3 / alone)]),
        Figure(f"{name}: CPU of all processes", "ms", sum(used.values()), rounds * many,
               beside=(Beside("the core alone", alone),), note=spent),
    ]  # fmt: skip


def _alone(bench: Bench, scheme: Scheme, count: int) -> list[float]:
    group = generate(scheme, 2, 3, bench.scratch / f"alone-{scheme}")
    group.sign((1, 2), bytes(32))
    return [timed(group.sign, (1, 2), bytes([number % 251] * 32))[0].wall * 1e3 for number in range(count)]


def _far(bench: Bench, cluster: Cluster, scheme: Scheme) -> Figure:
    bench.progress(f"{WORDS[scheme]}: {cluster.delay} ms each way")
    cluster.order(do="keygen", scheme=scheme)
    cluster.order(do="sign", scheme=scheme, count=3, at_once=1)
    walls = cluster.order(do="sign", scheme=scheme, count=bench.sized(40, 2), at_once=1)["ms"]
    return figure(f"{WORDS[scheme]}: {cluster.delay} ms each way to the relay", "ms", walls, tail=True)
