"""Ports on 127.0.0.1, taken from what is free and kept for as long as they stay free."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from typing import Final

from strongroom.errors import Unreachable

PREFERRED: Final = {"chain": 8545, "api": 7700, "relay": 7701, "stops": 7702}


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(kept: Mapping[str, int], in_use: frozenset[str]) -> dict[str, int]:
    """A port for each server: the kept one while it is free (or our own server has it), or a new one."""
    chosen = {name: kept[name] for name in in_use if name in kept}
    for name, preferred in PREFERRED.items():
        if name in chosen:
            continue
        # Below the system's own range, so that no outgoing connection takes the port while the lab is stopped.
        others = (random.randint(20_000, 32_000) for _ in range(1000))  # noqa: S311 - no secret
        tries = (port for port in (kept.get(name, preferred), *others) if port not in chosen.values())
        port = next((port for port in tries if is_free(port)), None)
        if port is None:
            raise Unreachable("lab.no_port", "no free port on 127.0.0.1")
        chosen[name] = port
    return chosen
