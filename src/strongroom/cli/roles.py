"""The doors to the role processes: each is loaded only when it is run."""

from __future__ import annotations

import gc
from ipaddress import ip_address
from pathlib import Path

from strongroom.cli.files import replace_text
from strongroom.log.entry import Entry


def run_coordinator(home: Path) -> None:
    """Run the coordinator, with the API over it, until it is told to stop."""
    from strongroom.api.app import create_app
    from strongroom.api.guard import LOOPBACK
    from strongroom.coordinator.config import load_config
    from strongroom.coordinator.run import main
    from strongroom.coordinator.service import Service

    def serve_api(service: Service) -> object:
        # On the loopback interface only its own names are answered; elsewhere the certificate names the server.
        host = load_config(home).api[0]
        local = host == "localhost" or ip_address(host).is_loopback
        return create_app(service, hosts=LOOPBACK if local else None)

    spare_collector()
    main(home, serve_api)


def run_node(home: Path) -> None:
    """Run a signer or a guardian, by what its home says, until it is told to stop."""
    from strongroom.signer.run import main

    spare_collector()
    main(home)


def spare_collector() -> None:
    """Keep the garbage collector off the state, which grows with the log, never changes and has no cycles.

    Looking through it held a role up for 200 ms at 12,000 transfers; what is young is still looked through.
    """
    gc.set_threshold(20_000, 50, 1_000)


def store_first_entry(home: Path, entry: Entry) -> None:
    """Leave the creation entry where the coordinator finds it at its first start."""
    replace_text(home / "genesis.json", entry.raw.decode())
