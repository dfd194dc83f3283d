"""From a stop to the last signature after it, by each path, while a service keeps on proposing."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
import time
from types import TracebackType
from typing import Any, Final

from bench.figures import Figure, Goal, Section, figure
from bench.lab import Lab
from bench.measure import Bench
from strongroom.cli.profile import Profile, load
from strongroom.cli.signing import signed_stop
from strongroom.documents.envelope import Envelope
from strongroom.errors import StrongroomError
from strongroom.lab.actions import WALLET
from strongroom.lab.users import user_of
from strongroom.wire.delivery import deliver

AT_ONCE: Final = 4
SETTLED: Final = 2.0  # s without a signature after which there will be none
PATIENCE: Final = 60.0  # s
PATHS: Final = {"coordinator": "alice", "relay": "bob", "file": "carol"}
"""Each path, and whose freeze it carries: one person freezes alone once a week."""


def run(bench: Bench) -> Section:
    """One freeze a path, and suspensions of the service, which may be repeated."""
    with Lab(bench) as lab:
        figures = [_path(bench, lab, path, person) for path, person in PATHS.items()]
    return Section(
        "stops", "A stop under load, until the last signature after it", tuple(figures),
        (f"{AT_ONCE} callers propose without a pause; a figure is a freeze of the wallet, then suspensions.",),
    )  # fmt: skip


def _path(bench: Bench, lab: Lab, path: str, person: str) -> Figure:
    profile, rounds = load(lab.layout.member(person)), bench.sized(10, 2)
    samples = []
    for number in bench.each(f"by {path}", range(rounds), rounds):
        kind, subject = ("person.suspend", {"person": "exchange"})
        if number == 0:
            kind, subject = "workspace.freeze", {"scope": "wallet", "target": WALLET, "reason": "benchmark"}
        with Load(lab) as load_:
            load_.wait_for_signatures(10)
            stop = signed_stop(profile, kind, subject)
            began = time.time_ns() // 1_000_000
            _hand_out(lab, profile, path, stop)
            samples.append(max(0, load_.last_signature() - began) / 1e3)
        _end(lab, kind)
    return figure(f"by {path}", "s", samples, tail=True, goal=Goal(2), note=NOTES[path])


NOTES: Final = {
    "coordinator": "the log, and a frame to every node",
    "relay": "the second relay; the coordinator is told by the nodes only",
    "file": "left with one signer, which brings it to the others",
}


def _hand_out(lab: Lab, profile: Profile, path: str, stop: Envelope) -> None:
    match path:
        case "coordinator":
            profile.client().post("/v1/statements", {"envelope": stop.to_doc()})
        case "relay":
            done = deliver(lab.settings.stop_relay, None, stop, {})
            if done.error is not None:
                raise done.error
        case _:
            stops, user = lab.layout.home("signer-1") / "stops", user_of("signer-1")
            stops.mkdir(exist_ok=True)
            (stops / "stop.part").write_text(json.dumps(stop.to_doc()))
            if user is not None:
                subprocess.run(["chown", "-R", user.name, str(stops)], check=True)
            (stops / "stop.part").rename(stops / "stop.json")


def _end(lab: Lab, kind: str) -> None:
    """Two administrators let everything go on."""
    actions = lab.actions
    if kind == "workspace.freeze":
        rows = _until(lambda: [row for row in actions.api.get("/v1/freezes")["freezes"] if row["in_force"]])
        statement, subject = "workspace.unfreeze", {"freeze": rows[0]["id"]}
    else:
        statement, subject = "person.reinstate", {"person": "exchange"}
    for name in ("alice", "bob"):
        actions.member(name).state(statement, subject)


def _until(found: Any) -> Any:
    """What is found as soon as there is any."""
    while not (rows := found()):
        time.sleep(0.05)
    return rows


class Load:
    """Callers that propose small transfers one after another, whatever the answer."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._ending = lab, threading.Event()
        self._proposed: list[str] = []
        self._signed: dict[str, int] = {}
        self._threads = [threading.Thread(target=self._propose) for _ in range(AT_ONCE)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _propose(self) -> None:
        actions = self._lab.actions
        while not self._ending.is_set():
            try:
                made = actions.propose("ETH", 10**12, "0x" + secrets.token_hex(20), "benchmark")
                self._proposed.append(made["id"])
            except StrongroomError:
                time.sleep(0.05)

    def _look(self) -> None:
        """Note when each transfer was signed, by the coordinator's record."""
        for name in list(self._proposed):
            if name not in self._signed:
                items = self._lab.actions.api.get(f"/v1/transfers/{name}")["timeline"]
                self._signed.update((name, item["time"]) for item in items if item["stage"] == "signed")

    def wait_for_signatures(self, count: int) -> None:
        """Until so many were made."""
        while len(self._signed) < count:
            self._look()
            time.sleep(0.05)

    def last_signature(self) -> int:
        """When the last one was made (unix ms), once there are no more; raises RuntimeError when they go on."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self._look()
            newest = max(self._signed.values())
            if time.time() - newest / 1e3 > SETTLED:
                return newest
            time.sleep(0.1)
        raise RuntimeError("the stop stops nothing")
