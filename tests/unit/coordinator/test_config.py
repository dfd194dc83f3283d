"""coordinator.toml: what is accepted, and that nothing listens openly without TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.coordinator.config import load_config
from strongroom.errors import InvalidInput

WORKSPACE = "ab" * 32
CHAINS = '[chains."eip155:31337"]\nurl = "http://127.0.0.1:8545"\n'


def write(home: Path, relay: str = "127.0.0.1:1", more: str = "") -> Path:
    text = f'workspace = "{WORKSPACE}"\napi = "[::1]:2"\nrelay = "{relay}"\n{more}'
    (home / "coordinator.toml").write_text(text)
    return home


def test_a_usual_file(tmp_path: Path) -> None:
    """Addresses, chains, defaults."""
    config = load_config(write(tmp_path, more="poll_ms = 100\n" + CHAINS))
    assert (config.api, config.relay) == (("::1", 2), ("127.0.0.1", 1))
    assert config.chains == {"eip155:31337": "http://127.0.0.1:8545"} and config.poll_ms == 100
    assert config.database == f"sqlite:///{tmp_path / 'strongroom.db'}"


def test_the_relays_of_stops_and_their_certificate(tmp_path: Path) -> None:
    """Nobody by default."""
    assert load_config(write(tmp_path)).stop_relays == ()
    config = load_config(write(tmp_path, more='stop_relays = ["relay.example:7702"]\nstop_ca = "ca.pem"\n'))
    assert (config.stop_relays, config.stop_ca) == (("relay.example:7702",), tmp_path / "ca.pem")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "[::]", "example.org"])
def test_listening_openly_takes_tls(tmp_path: Path, host: str) -> None:
    """Another address than loopback only with a certificate."""
    with pytest.raises(InvalidInput, match=r"listen\.tls_required"):
        load_config(write(tmp_path, f"{host}:1"))
    tls = '[tls]\ncertificate = "cert.pem"\nkey = "key.pem"\n'
    config = load_config(write(tmp_path, f"{host}:1", tls))
    assert config.tls is not None and config.tls.certificate == tmp_path / "cert.pem"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("nonsense = 1\n", "document.unknown_field"),
        ("poll_ms = 0\n", "config.range"),
        ('poll_ms = "1"\n', "document.type"),
        ('[chains."eip155:0x1"]\nurl = "x"\n', "chain.syntax"),
        ("= 1", "config.syntax"),
        ('stop_relays = ["127.0.0.1"]\n', "config.relay"),
        ("stop_relays = [7]\n", "config.relay"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, more: str, code: str) -> None:
    """A stable code for each."""
    with pytest.raises(InvalidInput) as caught:
        load_config(write(tmp_path, more=more))
    assert caught.value.code == code


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.1:", ":1", "127.0.0.1:99999", "127.0.0.1:-1"])
def test_addresses_are_host_and_port(tmp_path: Path, address: str) -> None:
    """Nothing else."""
    with pytest.raises(InvalidInput, match=r"listen\.syntax"):
        load_config(write(tmp_path, address))
    with pytest.raises(InvalidInput, match=r"config\.file"):
        load_config(tmp_path / "nowhere")
