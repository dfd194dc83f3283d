"""`lab up`: every role running, the first time and every time after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from strongroom.chains.evm.checksum import checksum
from strongroom.lab import chain, ports, processes, roles, workspace
from strongroom.lab.client import Api
from strongroom.lab.layout import NODES, PEOPLE, SERVICES, Layout, write_json
from strongroom.lab.workspace import Settings

Say = Callable[[str], None]

CUSTOMERS: Final = (
    "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
    "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
)
"""Accounts of anvil's published mnemonic that have ether to begin with: somebody to pay."""


def up(layout: Layout, say: Say) -> Settings:
    """Bring up the chain, the coordinator and the nodes; whatever runs already is left alone."""
    if outdated := [role for role in roles.ROLES if processes.is_outdated(layout, role)]:
        say(f"newer software is installed: {', '.join(outdated)} start anew")
        processes.stop(layout, roles.ROLES)
    settings = _with_ports(layout)
    if processes.running(layout, "chain") is None:
        say("chain: an Ethereum node (anvil) with a faucet and the token LUSD")
    chain.start(layout, settings.ports["chain"])
    if not settings.workspace:
        say("workspace: keys of three people, a service and five roles; the policy, signed by all")
        entry = workspace.create(layout)
        settings = Settings(entry.leaf.hex(), settings.ports)
        workspace.found(layout, entry)
        workspace.configure(layout, settings)
        workspace.save(layout, settings)
    if processes.running(layout, "coordinator") is None:
        say("coordinator")
        roles.start(layout, "coordinator")
    roles.wait_for_api(layout, settings)  # nodes that find it at once need not dial again
    if processes.running(layout, "relay") is None:
        say("relay: the second way for stops, outside the coordinator")
        roles.start(layout, "relay")
    if stopped := [name for name in NODES if processes.running(layout, name) is None]:
        say(f"nodes: {', '.join(stopped)}")
    for name in NODES:
        roles.start(layout, name)
    roles.wait_for_nodes(layout, settings)
    write_lab_json(layout, settings)
    return settings


def _with_ports(layout: Layout) -> Settings:
    """The settings with ports that can be listened on; a stopped lab moves when somebody took one of its ports."""
    settings = workspace.load(layout)
    owners = {"chain": "chain", "api": "coordinator", "relay": "coordinator", "stops": "relay"}
    in_use = frozenset(name for name, role in owners.items() if processes.running(layout, role) is not None)
    chosen = Settings(settings.workspace, ports.choose(settings.ports, in_use))
    if chosen != settings:
        if settings.workspace:
            processes.stop(layout, roles.ROLES)
            chosen = Settings(settings.workspace, ports.choose(chosen.ports, in_use & {"chain"}))
            workspace.configure(layout, chosen)
        workspace.save(layout, chosen)
    return chosen


def write_lab_json(layout: Layout, settings: Settings) -> dict[str, Any]:
    """What a program needs to use this lab."""
    wallets = Api(settings.api).get("/v1/wallets")["wallets"]
    doc = {
        "label": "LAB",
        "api": settings.api,
        "console": f"{settings.console}/console",
        "workspace": settings.workspace,
        "node_url": settings.node_url,
        "relay": settings.relay,
        "stop_relay": settings.stop_relay,
        "chain": chain.CHAIN,
        "wallets": [{"name": row["name"], "address": row["address"]} for row in wallets],
        "assets": chain.ASSETS,
        "accounts": [checksum(address) for address in CUSTOMERS],
        "faucet": checksum(chain.FAUCET),
        "people": {name: f".lab/people/{name}" for name in PEOPLE},
        "services": {name: f".lab/services/{name}" for name in SERVICES},
    }
    write_json(layout.lab_json, doc)
    return doc
