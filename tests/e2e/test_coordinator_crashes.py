"""kill -9 of the coordinator at each stage of one transfer: after its restart the transfer completes, once."""

from __future__ import annotations

import secrets
import shutil
import sys
from pathlib import Path

import pytest

from strongroom.errors import StrongroomError
from strongroom.lab import chain, processes, roles
from strongroom.lab.actions import WALLET
from strongroom.lab.users import user_of
from tests.e2e import dying_coordinator
from tests.e2e.conftest import Lab

WEI = 10**15


@pytest.mark.parametrize("point", dying_coordinator.POINTS)
def test_the_transfer_completes_once(lab: Lab, point: str) -> None:
    layout, actions = lab.layout, lab.actions
    to = "0x" + secrets.token_hex(20)
    account, key = f"{chain.CHAIN}:{to}", secrets.token_hex(8)
    member = lab.actions.member("exchange")
    processes.stop(layout, ["coordinator"])
    script = layout.base / "dying_coordinator.py"
    shutil.copyfile(Path(dying_coordinator.__file__), script)  # the checkout may be closed to the role's user
    script.chmod(0o644)
    home = layout.home("coordinator")
    command = [sys.executable, str(script), str(home), point]
    processes.start(layout, "coordinator", command, user_of("coordinator"), home)
    roles.wait_for_api(layout, lab.settings)
    roles.wait_for_nodes(layout, lab.settings)
    before = actions.rpc.number("eth_getTransactionCount", str((actions.wallet() or {})["address"]), "latest")
    body = member.sign(
        "transfer.propose",
        {
            "from": WALLET,
            "to": account,
            "asset": chain.ETH_ASSET,
            "amount": str(WEI),
            "why": f"e2e {point}",
            "until": lab.now() + 600_000,
            "idempotency": key,
        },
    )
    try:
        actions.api.post("/v1/transfers", body)
    except StrongroomError as error:
        assert error.code == "lab.api", "the only thing that may go wrong is that the coordinator is gone"
    processes.wait_until_gone(layout, "coordinator")
    lab.start("coordinator")
    again = actions.api.post("/v1/transfers", body)  # what a client does whose call broke off: the same call
    document = actions.watch(again["id"], lambda doc: doc["status"] == "completed")
    assert document["idempotency"] == key
    assert actions.rpc.balance(to) == WEI
    wallet = actions.wallet()
    assert wallet is not None
    assert actions.rpc.number("eth_getTransactionCount", wallet["address"], "latest") == before + 1
    listed = actions.api.get("/v1/transfers", limit=5)["transfers"]
    assert [row["idempotency"] for row in listed].count(key) == 1
