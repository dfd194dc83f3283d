"""A refresh among processes: the key keeps its address, transfers go on, and kill -9 leaves one epoch or the other."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import pytest

from strongroom.lab.actions import KEY
from tests.e2e.conftest import Lab


def key_of(lab: Lab) -> dict[str, Any]:
    keys = lab.actions.api.get("/v1/keys")["keys"]
    return next(dict(row) for row in keys if row["name"] == KEY)


def pay(lab: Lab) -> None:
    """A transfer that completes and pays exactly once."""
    to = "0x" + secrets.token_hex(20)
    sent = lab.actions.send("ETH", 10**15, to, "around a refresh")
    assert lab.actions.rpc.balance(to) == sent.amount == 10**15


def test_key_refresh_leads_to_the_next_epoch_of_the_same_key(lab: Lab) -> None:
    before, address = key_of(lab), lab.actions.wallet()
    done = lab.command("key", "refresh", KEY, "--json", profile="alice")
    assert done.returncode == 0, done.stdout + done.stderr
    after = json.loads(done.stdout)
    assert after["epoch"] == before["epoch"] + 1
    assert {**after, "epoch": 0} == {**before, "epoch": 0}, "nothing else about the key has changed"
    assert lab.actions.wallet() == address
    pay(lab)


def test_transfers_go_on_around_a_refresh(lab: Lab) -> None:
    payees = ["0x" + secrets.token_hex(20) for _ in range(12)]
    epoch, transfers = key_of(lab)["epoch"], []
    for number, to in enumerate(payees):
        if number == 4:
            assert lab.command("key", "refresh", KEY, "--no-wait", profile="bob").returncode == 0
        transfers.append(lab.actions.propose("ETH", 10**15, to, "in between")["id"])
        time.sleep(0.15)
    for transfer in transfers:
        lab.actions.watch(transfer, lambda document: document["status"] == "completed")
    assert [lab.actions.rpc.balance(to) for to in payees] == [10**15] * len(payees)
    deadline = time.monotonic() + 60
    while key_of(lab)["epoch"] == epoch:
        assert time.monotonic() < deadline, "the refresh did not come"
        time.sleep(0.1)


@pytest.mark.parametrize("role", ["signer-2", "coordinator"])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 1.7])
def test_kill_9_in_a_refresh_leaves_an_epoch_that_signs(lab: Lab, role: str, seconds: float) -> None:
    epoch = key_of(lab)["epoch"]
    assert lab.command("key", "refresh", KEY, "--no-wait", profile="alice").returncode == 0
    time.sleep(seconds)
    lab.kill(role)
    lab.start(role)
    assert key_of(lab)["epoch"] in (epoch, epoch + 1)
    pay(lab)
    done = lab.command("key", "refresh", KEY, "--json", profile="alice")
    assert done.returncode == 0, done.stdout + done.stderr
    pay(lab)
    lab.actions.agreed_digest(4)
