"""kill -9 of roles: what is left completes, or waits and says for whom, and goes on without a new command."""

from __future__ import annotations

import json
import os
import secrets
import signal
from typing import Any

import pytest

from strongroom.lab import roles
from strongroom.lab.actions import WALLET
from tests.e2e.conftest import Lab


def payee() -> str:
    return "0x" + secrets.token_hex(20)


def propose(lab: Lab, to: str, *, asset: str = "ETH", amount: str = "0.01", more: tuple[str, ...] = ()) -> Any:
    """`strongroom transfer propose` as the service."""
    options = ("--from", WALLET, "--to", to, "--asset", asset, "--amount", amount, "--why", "e2e", "--json", *more)
    return lab.command("transfer", "propose", *options, profile="exchange")


def completed_once(lab: Lab, transfer: str, to: str, wei: int = 10**16) -> dict[str, Any]:
    """The transfer's document, once it is completed; the chain has paid exactly once."""
    document = lab.actions.watch(transfer, lambda doc: doc["status"] == "completed")
    assert lab.actions.rpc.balance(to) == wei
    return document


@pytest.mark.parametrize("role", ["signer-1", "signer-2", "signer-3", "guardian-1"])
def test_one_node_less_and_the_next_transfer_completes(lab: Lab, role: str) -> None:
    lab.kill(role)
    to = payee()
    done = propose(lab, to, more=("--wait",))
    assert done.returncode == 0, done.stdout + done.stderr
    completed_once(lab, json.loads(done.stdout)["id"], to)


@pytest.mark.parametrize("back", ["signer-1", "signer-3"])
def test_two_signers_less_waits_says_so_and_completes_after_one_is_back(lab: Lab, back: str) -> None:
    lab.kill("signer-1")
    lab.kill("signer-3")
    to = payee()
    done = propose(lab, to, more=("--wait",))
    assert done.returncode == 6, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["awaiting"]["text"] == "quorum 1 of 2, witnesses 2 of 3"
    shown = lab.command("transfer", "show", document["id"])
    assert "quorum 1 of 2, witnesses 2 of 3" in shown.stdout
    assert lab.actions.rpc.balance(to) == 0
    lab.start(back)
    completed_once(lab, document["id"], to)


def test_everything_killed_at_once_comes_back_where_it_was(lab: Lab) -> None:
    to = payee()
    transfer = json.loads(propose(lab, to).stdout)["id"]
    for role in ("coordinator", "signer-1", "signer-2", "signer-3", "guardian-1"):
        lab.kill(role)
    lab.start("coordinator", "signer-1", "signer-2", "signer-3", "guardian-1")
    completed_once(lab, transfer, to)


def test_down_and_up_continue_with_the_chain(lab: Lab) -> None:
    before = lab.actions.agreed_digest(4)
    first = lab.told["transfers"][0]
    down = lab.command("lab", "down")
    assert down.returncode == 0 and "LAB is down" in down.stdout
    assert lab.command("lab", "status").stdout.count("does not run") == len(roles.ALL)
    up = lab.command("lab", "up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert lab.actions.rpc.balance(first["to"].lower()) == int(first["amount"])
    listed = json.loads(lab.command("transfer", "list", "--limit", "1000", "--json").stdout)["transfers"]
    assert first["id"] in [row["id"] for row in listed]
    assert lab.actions.agreed_digest(4)[0] > before[0], "the nodes' new starts are in the log"
    to = payee()
    transfer = json.loads(propose(lab, to).stdout)["id"]
    completed_once(lab, transfer, to)


def test_up_twice_changes_nothing(lab: Lab) -> None:
    pids = {role: lab.pid(role) for role in ("chain", "coordinator", "signer-1", "guardian-1")}
    again = lab.command("lab", "up", "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["label"] == "LAB"
    assert pids == {role: lab.pid(role) for role in pids}


def test_a_frozen_workspace_moves_nothing_until_administrators_end_it(lab: Lab) -> None:
    actions = lab.actions
    freeze = {"scope": "wallet", "target": WALLET, "reason": "e2e"}
    for name in ("alice", "bob"):
        actions.member(name).state("workspace.freeze", freeze, stop=True)
    to = payee()
    refused = propose(lab, to)
    assert refused.returncode == 4 and "workspace.frozen" in refused.stderr + refused.stdout
    for row in actions.api.get("/v1/freezes")["freezes"]:
        if row["in_force"]:
            for name in ("alice", "bob"):
                actions.member(name).state("workspace.unfreeze", {"freeze": row["id"]})
    done = propose(lab, to, more=("--wait",))
    assert done.returncode == 0, done.stdout + done.stderr
    assert actions.rpc.balance(to) == 10**16


def test_a_chain_node_that_stands_still_is_waited_for(lab: Lab) -> None:
    to, pid = payee(), lab.pid("chain")
    os.kill(pid, signal.SIGSTOP)
    try:
        transfer = lab.actions.api.post("/v1/transfers", lab.proposal(to, 10**16))["id"]
        waiting = lab.actions.watch(transfer, lambda doc: (doc["awaiting"] or {}).get("code") == "node.unreachable")
        assert not waiting["txids"]
    finally:
        os.kill(pid, signal.SIGCONT)
    completed_once(lab, transfer, to)
