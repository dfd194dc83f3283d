"""The coordinator's home lost, or put back from an old copy: the log comes from the nodes, open transfers go on."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

from strongroom.audit.verify import verify_bundle
from strongroom.lab import chain, processes
from strongroom.lab.actions import WALLET
from strongroom.lab.layout import NODES
from strongroom.lab.users import as_user, private_home, user_of
from tests.e2e.conftest import Lab

WEI = 10**15
LARGE = 5 * 10**18
"""More than the service moves by itself: two of treasury approve it."""


def payee() -> str:
    return "0x" + secrets.token_hex(20)


def approve(lab: Lab, transfer: str, name: str) -> None:
    done = lab.command("transfer", "approve", transfer, "--yes", profile=name)
    assert "approved" in done.stdout, done.stdout + done.stderr


def root_at(lab: Lab, size: int) -> str:
    """The root of the audited log at a size."""
    lab.actions.agreed_digest(len(NODES))
    bundle = lab.directory / "restore.bundle"
    with bundle.open("wb") as file:
        file.writelines(lab.actions.api.download("/v1/bundle"))
    return verify_bundle(bundle).state.roots[size].hex()


def completed_once(lab: Lab, transfer: str, to: str, wei: int) -> None:
    lab.actions.watch(transfer, lambda doc: doc["status"] == "completed")
    assert lab.actions.rpc.balance(to) == wei


def restored(lab: Lab, source: str, *options: str) -> dict[str, Any]:
    """The coordinator's home, made anew from that of a stopped node; what the command told as JSON."""
    home, settings = lab.layout.home("coordinator"), lab.settings
    done = lab.command(
        "restore", "--from-signer", str(lab.layout.home(source)), "--home", str(home), *options,
        "--api", settings.api.removeprefix("http://"), "--chain", f"{chain.CHAIN}={settings.node_url}", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    belongs_to("coordinator", home)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def belongs_to(role: str, path: Path) -> None:
    if user := user_of(role):
        subprocess.run(["chown", "-R", f"{user.uid}:{user.gid}", str(path)], check=True)


def test_a_deleted_home_comes_back_from_a_signer_and_open_transfers_go_on(lab: Lab, tmp_path: Path) -> None:
    actions, home = lab.actions, lab.layout.home("coordinator")
    to_large, to_small = payee(), payee()
    alice = actions.member("alice")
    large = alice.propose(WALLET, f"{chain.CHAIN}:{to_large}", chain.ETH_ASSET, LARGE, "e2e", secrets.token_hex(8))
    approve(lab, large["id"], "bob")
    small = actions.propose("ETH", WEI, to_small, "e2e")
    actions.watch(small["id"], lambda doc: bool(doc["txids"]))
    lab.kill("coordinator")
    processes.stop(lab.layout, ["signer-3"])
    backup = shutil.copy(home / "log.key", tmp_path)
    shutil.rmtree(home)
    told = restored(lab, "signer-3", "--log-key", str(backup))
    lab.start("coordinator", "signer-3")
    completed_once(lab, small["id"], to_small, WEI)
    approve(lab, large["id"], "carol")
    completed_once(lab, large["id"], to_large, LARGE)
    assert root_at(lab, told["size"]) == told["root"]


def test_without_its_log_key_it_comes_back_once_nodes_and_administrators_take_up_a_new_one(lab: Lab) -> None:
    actions, home, to = lab.actions, lab.layout.home("coordinator"), payee()
    small = actions.propose("ETH", WEI, to, "e2e")
    actions.watch(small["id"], lambda doc: bool(doc["txids"]))
    lab.kill("coordinator")
    processes.stop(lab.layout, NODES)
    shutil.rmtree(home)
    told = restored(lab, "guardian-1")
    assert told["log_key"] == "new"
    for name in NODES:
        shutil.copy(home / "coordinator.json", lab.layout.home(name))
        belongs_to(name, lab.layout.home(name) / "coordinator.json")
    lab.start("coordinator", *NODES)
    for name in ("alice", "bob"):
        done = lab.command("policy", "propose", str(home / "next-policy.json"), profile=name)
        assert done.returncode in (0, 3), done.stdout + done.stderr
    completed_once(lab, small["id"], to, WEI)
    assert root_at(lab, told["size"]) == told["root"]
    for name in NODES:  # the policy names the key now
        (lab.layout.home(name) / "coordinator.json").unlink()
    processes.stop(lab.layout, NODES)
    lab.start(*NODES)


def test_an_old_copy_catches_up_from_the_witnesses_before_it_appends_anything(lab: Lab) -> None:
    actions, home, old = lab.actions, lab.layout.home("coordinator"), lab.layout.home("old")
    user = user_of("coordinator")
    processes.stop(lab.layout, ["coordinator"])
    private_home(old, user)
    subprocess.run(as_user(user, ["cp", "-a", f"{home}/.", str(old)]), check=True)
    lab.start("coordinator")
    to_first, to_second = payee(), payee()
    actions.send("ETH", WEI, to_first, "after the copy")
    size, _ = actions.agreed_digest(len(NODES))
    root = root_at(lab, size)
    body = lab.proposal(to_second, WEI)
    actions.api.post("/v1/transfers", body)
    lab.kill("coordinator")
    shutil.rmtree(home)
    old.rename(home)
    lab.start("coordinator")
    assert root_at(lab, size) == root
    repeated = actions.api.post("/v1/transfers", body)  # whoever had no word of its end calls again, word for word
    completed_once(lab, repeated["id"], to_second, WEI)
    assert actions.rpc.balance(to_first) == WEI
