"""Where a role listens, and with which certificate."""

from __future__ import annotations

import ssl
import tomllib
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from strongroom.documents.canonical import fields
from strongroom.errors import InvalidInput


def read_settings(path: Path) -> dict[str, Any]:
    """What a listening role's TOML file says; raises InvalidInput config.file, config.syntax."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise InvalidInput("config.file", f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("config.syntax", f"{path}: {error}") from None


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of the listeners' certificate chain and key."""

    certificate: Path
    key: Path

    @classmethod
    def of(cls, home: Path, spec: Any) -> Tls:
        """The table `tls` of a configuration file; raises InvalidInput document.*."""
        found = fields(spec, "tls", {"certificate": str, "key": str})
        return cls(home / found["certificate"], home / found["key"])

    def context(self) -> ssl.SSLContext:
        """TLS 1.3 with that certificate; raises InvalidInput listen.tls."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInput("listen.tls", f"cannot load the certificate and its key: {error}") from None
        return context


def parse_listen(text: str, tls: Tls | None) -> tuple[str, int]:
    """host:port; anything that another machine could reach needs TLS. Raises InvalidInput listen.*."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
        raise InvalidInput("listen.syntax", f"'{text[:80]}' is not host:port")
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local and tls is None:
        raise InvalidInput(
            "listen.tls_required",
            f"listening on {host[:80]} needs TLS",
            "add [tls] certificate and key to the configuration, or use 127.0.0.1 behind a tunnel",
        )
    return host, int(port)
