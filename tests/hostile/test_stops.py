"""A coordinator that withholds stops: they arrive by a relay or a file, hold through restarts, and end by a quorum."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import pytest

from strongroom.errors import StrongroomError
from strongroom.lab import processes, roles
from strongroom.lab.actions import FINAL, WALLET
from strongroom.lab.layout import NODES as NAMES
from strongroom.lab.layout import SIGNERS
from strongroom.lab.users import user_of
from tests.e2e.conftest import Lab
from tests.hostile.conftest import audited

Besiege = Callable[..., Any]
WITHIN_MS: Final = 2_000
SUBJECT: Final = {"scope": "wallet", "target": WALLET, "reason": "withheld"}


class Stream:
    """The service proposes one transfer after another, whatever becomes of them."""

    def __init__(self, lab: Lab) -> None:
        self._actions = lab.actions
        self.proposed: list[tuple[str, int, str]] = []  # id, unix ms, payee
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._propose)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def _propose(self) -> None:
        while not self._ending.wait(0.25):
            payee = "0x" + secrets.token_hex(20)
            try:
                made = self._actions.propose("ETH", 10**12, payee, "one of many")
            except StrongroomError:
                continue  # the log itself is held up
            self.proposed.append((made["id"], time.time_ns() // 1_000_000, payee))

    def signed(self) -> dict[str, int]:
        """When each was signed, by the coordinator's own record (unix ms)."""
        found = {}
        for name, *_ in list(self.proposed):
            events = self._actions.api.get(f"/v1/transfers/{name}")["timeline"]
            found.update((name, item["time"]) for item in events if item["stage"] == "signed")
        return found

    def until(self, enough: Callable[[], bool]) -> None:
        """Wait, at most a minute."""
        deadline = time.monotonic() + 60
        while not enough():
            assert time.monotonic() < deadline, "it does not come to that"
            time.sleep(0.1)


def by_relay(lab: Lab, person: str) -> None:
    """The command that people use; the coordinator refuses to take the freeze, the second relay delivers it."""
    options = ["--scope", SUBJECT["scope"], "--target", SUBJECT["target"], "--reason", SUBJECT["reason"]]
    done = lab.command("freeze", *options, "--json", profile=person)
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["held"] == sorted(NAMES), done.stdout + done.stderr
    assert told["coordinator"]["code"] == "attack"


def by_file(lab: Lab, person: str) -> None:
    """A file with one node alone, as somebody with access to its machine leaves it; it brings it to the others."""
    stops, user = lab.layout.home("signer-2") / "stops", user_of("signer-2")
    stops.mkdir(exist_ok=True)
    envelope = lab.actions.member(person).sign("workspace.freeze", SUBJECT, stop=True)
    (stops / "freeze.part").write_text(json.dumps(envelope))
    if user is not None:
        subprocess.run(["chown", "-R", user.name, str(stops)], check=True)
    (stops / "freeze.part").rename(stops / "freeze.json")
    processes.wait_until(lab.layout, "signer-2", lambda: not (stops / "freeze.json").exists())


@pytest.mark.parametrize(("deliver", "person"), [(by_relay, "carol"), (by_file, "bob")])
def test_a_freeze_that_the_coordinator_withholds_stops_every_signer(
    lab: Lab, besiege: Besiege, deliver: Callable[[Lab, str], None], person: str
) -> None:
    with besiege(start=False) as siege:
        siege.start("tests.hostile.attacker", "withhold")
        roles.wait_for_nodes(lab.layout, lab.settings)
        with Stream(lab) as stream:
            stream.until(lambda: len(stream.signed()) >= 3)
            deliver(lab, person)
            delivered = lab.now()
            assert siege.refused("workspace.frozen", 2) <= set(SIGNERS)
            for name in SIGNERS[:2]:
                lab.kill(name)
                lab.start(name)
            siege.forget()
            assert siege.refused("workspace.frozen", 2) <= set(SIGNERS), "a restart lets nothing go"
            late = delivered + WITHIN_MS
            stream.until(lambda: sum(moment > late for _, moment, _ in stream.proposed) >= 3)
        signed = stream.signed()
        assert max(signed.values()) <= late, "signed after the freeze was there"
    frozen = in_force(lab)
    assert [row["reason"] for row in frozen] == ["withheld"], "the nodes hand the stop to the honest coordinator"
    waiting, _, payee = next(row for row in stream.proposed if row[1] > late)
    alone = lab.actions.member("alice").state("workspace.unfreeze", {"freeze": frozen[0]["id"]})
    assert alone["status"] == "collected" and in_force(lab) == frozen
    assert lab.actions.rpc.balance(payee) == 0  # what is signed meanwhile pays nobody: it gives a nonce back
    lab.actions.member("bob").state("workspace.unfreeze", {"freeze": frozen[0]["id"]})
    ended = lab.actions.watch(waiting, lambda document: document["status"] in FINAL)
    assert lab.actions.rpc.balance(payee) == (10**12 if ended["status"] == "completed" else 0)
    lab.actions.send("ETH", 10**12, "0x" + secrets.token_hex(20), "after the release")
    audited(lab)


def in_force(lab: Lab) -> list[dict[str, Any]]:
    """The freezes in force, once there are any."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        rows: list[dict[str, Any]] = [row for row in lab.actions.api.get("/v1/freezes")["freezes"] if row["in_force"]]
        if rows:
            return rows
        time.sleep(0.1)
    return []
