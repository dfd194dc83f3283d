"""The policy in a running house: replays, versions that come too late or too early, a coordinator with a fast clock."""

from __future__ import annotations

import copy
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from strongroom.lab import processes, roles
from strongroom.lab.actions import WALLET
from strongroom.lab.chain import ETH_ASSET
from strongroom.lab.users import as_user, user_of
from tests.e2e.conftest import Lab, linked

MONTH_AHEAD = """
import sys
from pathlib import Path
from strongroom.api.app import create_app
from strongroom.coordinator import run
honest = run.system_clock
run.system_clock = lambda: honest() + 30 * 86_400_000
run.main(Path(sys.argv[1]), create_app)
"""
SMALL = "small withdrawals of ETH"
A_DAY = "ETH of a wallet in a day"


class Desk:
    """People at the policy of a lab of their own."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def told(self, *arguments: str, by: str = "alice", expect: int = 0) -> dict[str, Any]:
        """A command with --json; its exit code must be the expected one."""
        done = self.lab.command(*arguments, "--json", profile=by)
        assert done.returncode == expect, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def pay(self, ether: str, expect: int = 0, *more: str) -> dict[str, Any]:
        """The service pays from the hot wallet to nobody in particular."""
        to = "0x" + secrets.token_hex(20)
        options = ("--from", WALLET, "--to", to, "--asset", "ETH", "--amount", ether, *more)
        return self.told("transfer", "propose", *options, by="exchange", expect=expect)

    @property
    def policy(self) -> dict[str, Any]:
        """The whole policy in force."""
        return self.told("policy", "show")

    def draft(self, **changes: Any) -> dict[str, Any]:
        """The next version, to be edited."""
        now = self.policy
        return copy.deepcopy({**now, "version": now["version"] + 1, **changes})

    def write(self, document: dict[str, Any]) -> str:
        (self.lab.directory / "draft.json").write_text(json.dumps(document))
        return "draft.json"

    def propose(self, document: dict[str, Any], expect: int = 0) -> dict[str, Any]:
        """Two of three administrators sign it."""
        file = self.write(document)
        self.told("policy", "propose", file, by="alice", expect=3)
        return self.told("policy", "propose", file, by="bob", expect=expect)

    def in_force(self, version: int) -> None:
        """Until the coordinator has adopted it by itself."""
        for _ in range(100):
            if self.policy["version"] == version:
                return
            time.sleep(0.2)
        raise AssertionError(f"version {version} does not come into force")

    @contextmanager
    def month_ahead(self) -> Iterator[None]:
        """The coordinator runs with a clock that is a month ahead, on a copy of its home."""
        layout, home, user = self.lab.layout, self.lab.layout.home("coordinator-ahead"), user_of("coordinator")
        processes.stop(layout, ["coordinator"])
        subprocess.run(["cp", "-a", str(layout.home("coordinator")), str(home)], check=True)
        processes.start(layout, "coordinator-ahead", [sys.executable, "-c", MONTH_AHEAD, str(home)], user, home)
        roles.wait_for_api(layout, self.lab.settings, "coordinator-ahead")
        try:
            yield
        finally:
            processes.stop(layout, ["coordinator-ahead"])
            subprocess.run(as_user(user, ["rm", "-r", str(home)]), check=False)
            self.lab.start("coordinator")
            roles.wait_for_nodes(layout, self.lab.settings)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with a funded wallet, whose policy nobody else changes."""
    made = Lab(linked(tmp_path_factory.mktemp("policy")))
    try:
        done = made.command("lab", "demo", seconds=500)
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def desk(lab: Lab) -> Desk:
    return Desk(lab)


def limit(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in document["limits"] if row["name"] == A_DAY)
    return found


def test_replay_lists_exactly_what_the_draft_would_have_decided_otherwise(desk: Desk, tmp_path: Path) -> None:
    paid = {ether: desk.pay(ether, 0, "--wait")["id"] for ether in ("0.1", "0.4", "0.2")}
    draft = desk.draft()
    small = next(rule for rule in draft["rules"] if rule["name"] == SMALL)
    assert desk.told("policy", "replay", desk.write(draft))["changed"] == []
    small["when"]["amount"]["max"] = str(3 * 10**17)
    told = desk.told("policy", "replay", desk.write(draft))
    rows = desk.told("transfer", "list", "--limit", "1000")["transfers"]
    small_ones = [row for row in rows if row["initiator"] == "exchange" and row["asset"] == ETH_ASSET]
    dear = {row["id"] for row in small_ones if int(row["amount"]["base_units"]) > 3 * 10**17}
    assert {change["transfer"] for change in told["changed"]} == dear and paid["0.4"] in dear
    assert paid["0.1"] not in dear and told["transfers"] == len(rows)
    for change in told["changed"]:
        assert change["old"]["obligations"]["rule"] == SMALL and change["new"]["code"] == "policy.denied"
    bundle = str(tmp_path / "log.bundle")
    desk.told("audit", "export", bundle)
    assert desk.told("policy", "replay", "draft.json", "--bundle", bundle) == told


def test_a_tightening_acts_at_once_and_an_old_version_never_again(desk: Desk) -> None:
    old, draft = desk.policy, desk.draft()
    limit(draft)["max"] = str(5 * 10**17)
    assert desk.told("policy", "diff", desk.write(draft))["tightens"]
    desk.propose(draft)
    assert desk.policy["version"] == draft["version"]
    assert desk.pay("0.9", 4)["error"]["code"] == "limit.exceeded"
    file = desk.write(old)
    again = desk.lab.command("policy", "propose", file, profile="alice")
    again = desk.lab.command("policy", "propose", file, profile="bob") if again.returncode == 3 else again
    assert again.returncode == 2 and "[policy.version]" in again.stderr, again.stdout + again.stderr
    assert desk.policy["version"] == draft["version"]


def test_a_loosening_waits_out_its_cool_down_although_the_coordinator_is_a_month_ahead(desk: Desk) -> None:
    patient = desk.draft(cool_down=3600)
    desk.propose(patient)
    desk.in_force(patient["version"])
    loose = desk.draft()
    limit(loose)["max"] = str(500 * 10**18)
    told = desk.told("policy", "diff", desk.write(loose))
    assert not told["tightens"] and [change["tightens"] for change in told["changes"]] == [False]
    desk.propose(loose)
    assert desk.told("policy", "adopt")["proposal"]["version"] == loose["version"]
    with desk.month_ahead():
        desk.in_force(loose["version"])  # so it believes, and no witness with it
    assert desk.policy["version"] == patient["version"]
    assert desk.pay("0.9", 4)["error"]["code"] == "limit.exceeded"
