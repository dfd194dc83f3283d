"""How a relay is dialled: where it is, and when the connection needs TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

from strongroom.errors import InvalidInput

_HERE = ("127.0.0.1", "localhost", "::1", "[::1]")


def parse_relay(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; raises InvalidInput config.relay."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 65536:
        raise InvalidInput("config.relay", "a relay is written HOST:PORT")
    return host, int(port)


def client_tls(host: str, ca: Path | None) -> ssl.SSLContext | None:
    """TLS 1.3 under that authority; only this machine's own relay (a tunnel's end) goes without."""
    if ca is None:
        if host not in _HERE:
            raise InvalidInput("config.tls_required", f"the relay at {host} needs TLS (ca = FILE) or a tunnel")
        return None
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
