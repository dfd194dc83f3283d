"""The doors to the role processes: each is loaded only when it is run."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.cli.files import replace_text
from strongroom.custody.state import CustodyState
from strongroom.log.entry import Entry

if TYPE_CHECKING:
    from strongroom.cli.profile import Profile


def run_coordinator(home: Path) -> None:
    """Run the coordinator, with the API over it, until it is told to stop."""
    from strongroom.api.app import create_app
    from strongroom.api.guard import LOOPBACK
    from strongroom.coordinator.config import load_config
    from strongroom.coordinator.run import main
    from strongroom.coordinator.service import Service

    config = load_config(home)

    def serve_api(service: Service) -> object:
        # On the loopback interface only its own names are answered; elsewhere the certificate names the server.
        host = config.api[0]
        local = host == "localhost" or ip_address(host).is_loopback
        hosts = LOOPBACK if local else None
        return create_app(service, hosts=hosts, requests=config.api_requests, console=config.console)

    writable = [home] if config.database_file is None else [home, config.database_file.parent]
    _confine(writable, listens=(config.api[1], config.relay[1]))
    spare_collector()
    main(home, serve_api)


def run_node(home: Path) -> None:
    """Run a signer or a guardian, by what its home says, until it is told to stop."""
    from strongroom.cli.homes import node_settings
    from strongroom.signer.run import main

    _confine([home], dials=_ports(node_settings(home)))
    spare_collector()
    main(home)


def run_relay(home: Path) -> None:
    """Run a relay of stops until it is told to stop."""
    from strongroom.relay.config import load_config
    from strongroom.relay.run import main

    _confine([home], listens=(load_config(home).listen[1],))
    main(home)


def run_approver(profile: Profile) -> None:
    """Follow the log and serve a person's page on localhost until it is told to stop."""
    from strongroom.approver.run import main
    from strongroom.cli.approving import Machine

    machine = Machine.at(profile)
    _confine([profile.directory], listens=(machine.config.page,), dials=machine.ports())
    main(machine.desk())


def _ports(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """The ports of the relays that a node dials; raises InvalidInput config.relay."""
    from strongroom.wire.dialling import parse_relay

    addresses = [settings.get("relay"), *(relay.get("address") for relay in settings["stop_relays"])]
    return tuple(parse_relay(str(address))[1] for address in addresses)


def _confine(writable: list[Path], *, listens: Sequence[int] | None = None, dials: Sequence[int] | None = None) -> None:
    from strongroom.confinement import confine

    sys.stderr.write(confine(writable, listens=listens, dials=dials) + "\n")


def spare_collector() -> None:
    """Keep the garbage collector off the state, which grows with the log, never changes and has no cycles.

    Looking through it held a role up for 200 ms at 12,000 transfers; what is young is still looked through.
    """
    gc.set_threshold(20_000, 50, 1_000)


def store_first_entry(home: Path, entry: Entry) -> None:
    """Leave the creation entry where the coordinator finds it at its first start."""
    replace_text(home / "genesis.json", entry.raw.decode())


def rebuild_log(
    home: Path, entries: Iterable[bytes], notes: Iterable[str], tell: Callable[[int], None]
) -> CustodyState:
    """Fill a new coordinator's store with a log that somebody else has kept, every entry checked; its state."""
    from strongroom.coordinator.config import load_config
    from strongroom.coordinator.restore import rebuild
    from strongroom.store.database import Database

    config = load_config(home)
    database = Database.open(config.database)
    try:
        return rebuild(database, entries, notes, tell)
    finally:
        database.close()
