"""The attack of the demonstration: the coordinator's place is taken by one that sends the money elsewhere."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from typing import Any

from strongroom.errors import Refused
from strongroom.lab import processes, roles
from strongroom.lab.actions import WALLET, Actions, shown
from strongroom.lab.layout import NODES, Layout
from strongroom.lab.story import Story
from strongroom.lab.users import as_user, private_home, user_of
from strongroom.lab.workspace import Settings

ROLE = "liar"
AMOUNT = 4 * 10**17


def attack(layout: Layout, settings: Settings, actions: Actions, story: Story) -> dict[str, str]:
    """Let a lying coordinator try, show what every node says, and go back to the honest one."""
    story.step("A coordinator that lies: the honest one is stopped, and its machine belongs to a thief")
    thief = "0x" + secrets.token_hex(20)
    victim = "0x" + secrets.token_hex(20)
    processes.stop(layout, ["coordinator"])
    try:
        _start(layout, settings, thief)
        story.tell(f"it has the coordinator's database and log key, and pays everything to {thief}")
        sent_before = actions.rpc.number("eth_getTransactionCount", _address(actions), "latest")
        proposed = actions.propose("ETH", AMOUNT, victim, "LAB, proposed to a liar")
        story.tell(f"exchange proposes {shown('ETH', AMOUNT)} to {victim}; the liar authorizes the thief's payload")
        document = actions.watch(proposed["id"], lambda doc: bool(doc["refusals"]))
        refusals = {row["by"]: row for row in document["refusals"]}
        for name, row in sorted(refusals.items()):
            story.tell(f"{name} refuses [{row['code']}]: {row['message']}")
        if document["txid"] or document["txids"]:
            raise Refused("lab.liar", "a lying coordinator got a signature")
        actions.member("exchange").state("transfer.cancel", {"transfer": proposed["id"]}, stop=True)
        actions.watch(proposed["id"], lambda doc: doc["status"] == "closed")
        size, digest = actions.agreed_digest(len(NODES))
        story.tell("exchange takes its proposal back, so that the honest coordinator does not pay it either")
    finally:
        processes.stop(layout, [ROLE])
        roles.start(layout, "coordinator")
        roles.wait_for_api(layout, settings)
    roles.wait_for_nodes(layout, settings)
    shutil.rmtree(layout.home(ROLE))
    if actions.rpc.number("eth_getTransactionCount", _address(actions), "latest") != sent_before:
        raise Refused("lab.liar", "a transaction left the wallet")
    if actions.rpc.balance(thief) or actions.rpc.balance(victim):
        raise Refused("lab.liar", "the lie moved money")
    if actions.agreed_digest(len(NODES)) != (size, digest):
        raise Refused("lab.liar", "the nodes' states changed when the liar was gone")
    codes = sorted({row["code"] for row in refusals.values()})
    story.tell(f"no signature; nothing moved; all four nodes hold the same state, digest {digest[:16]}…")
    story.done("the honest coordinator is back and healthy")
    return {
        "what": "a coordinator that pays a transfer to another recipient",
        "by": ", ".join(sorted(refusals)),
        "code": ", ".join(codes),
    }


def _address(actions: Actions) -> str:
    wallet: dict[str, Any] | None = actions.wallet()
    if wallet is None:
        raise Refused("wallet.unknown", f"there is no wallet {WALLET}")
    return str(wallet["address"])


def _start(layout: Layout, settings: Settings, thief: str) -> None:
    """Copy the coordinator's home, as its own user, and run the patched coordinator on the copy."""
    user, home = user_of("coordinator"), layout.home(ROLE)
    if home.exists():
        shutil.rmtree(home)
    private_home(home, user)
    subprocess.run(as_user(user, ["cp", "-a", f"{layout.home('coordinator')}/.", str(home)]), check=True)
    command = [sys.executable, "-m", "strongroom.lab.lying_coordinator", str(home), thief]
    processes.start(layout, ROLE, command, user, home)
    roles.wait_for_api(layout, settings, ROLE)
    roles.wait_for_nodes(layout, settings)
