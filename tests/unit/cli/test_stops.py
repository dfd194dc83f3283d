"""Stops by every path: the coordinator, a relay that runs as a process, a file; and what the command says of each."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from strongroom.documents.credentials import SigningKey
from strongroom.wire.frame import Frame, encode_frame, read_frame
from strongroom.wire.handshake import NodeSide
from strongroom.wire.stops import receipt
from tests.unit.cli.conftest import SRC, Cli, Site


class Relay:
    """`strongroom relay run` on a free port, and a node that holds whatever it is handed."""

    def __init__(self, site: Site, cli: Cli, base: Path) -> None:
        self.site, self.home = site, base / "relay"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        made = cli("relay", "init", "--home", self.home, "--workspace", site.coordinator.workspace, "--api", site.url,
                   "--listen", self.address, "--json")  # fmt: skip
        assert made.code == 0, made.err
        self.document = json.loads(made.out)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "strongroom.cli", "relay", "run", "--home", str(self.home)],
            env={"PYTHONPATH": str(SRC), "PATH": os.environ["PATH"], "HOME": str(base)},
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        while "relay of stops on" not in (line := self.process.stderr.readline()):
            assert line, "the relay has ended"

    def connect(self, node: str) -> None:
        """Let a node dial in; it answers in a thread of its own."""
        connected = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._live(node, connected)), daemon=True).start()
        assert connected.wait(20)

    async def _live(self, node: str, connected: threading.Event) -> None:
        host, _, port = self.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        key, workspace = self.site.coordinator.log.keys[node], self.site.coordinator.workspace
        theirs = SigningKey.load(self.home / "relay.key").credential
        side = NodeSide(workspace, node, key, "11" * 32, theirs.key_id)
        writer.write(encode_frame(side.on_welcome(await read_frame(reader))))
        side.on_ready(await read_frame(reader), theirs)
        connected.set()
        with suppress(asyncio.IncompleteReadError):  # the relay ends with the test
            while True:
                name = (await read_frame(reader)).head["ref"]
                head = {"statement": name, "signature": key.sign(receipt(workspace, node, name)).hex()}
                writer.write(encode_frame(Frame("latched", node, "relay", head)))


@pytest.fixture
def relay(site: Site, cli: Cli, tmp_path: Path) -> Iterator[Relay]:
    made = Relay(site, cli, tmp_path)
    yield made
    made.process.terminate()
    assert made.process.wait(20) == 0


@pytest.fixture
def bob(site: Site, cli: Cli, relay: Relay) -> Path:
    """A profile that has joined, and so knows the relay and the nodes' keys."""
    profile = site.profile("bob")
    joined = cli("--profile", profile, "workspace", "join", site.coordinator.workspace, "--api", site.url,
                 "--relay", relay.address)  # fmt: skip
    assert joined.code == 0, joined.err
    return profile


def test_a_freeze_goes_to_the_coordinator_and_the_relay_and_says_who_holds_it(
    site: Site, cli: Cli, relay: Relay, bob: Path
) -> None:
    relay.connect("signer-1")
    relay.connect("guardian-1")
    frozen = cli("--profile", bob, "freeze", "--reason", "x")
    assert frozen.code == 0 and "frozen: workspace (log entry" in frozen.out
    assert "held by guardian-1, signer-1" in frozen.out
    assert len(site.coordinator.state.freezes) == 1


def test_without_a_coordinator_the_relay_is_enough_and_without_both_the_exit_code_is_6(
    cli: Cli, relay: Relay, bob: Path
) -> None:
    text = (bob / "profile.toml").read_text()
    (bob / "profile.toml").write_text("".join(
        'api = "http://127.0.0.1:1"\n' if line.startswith("api") else line for line in text.splitlines(True)
    ))  # fmt: skip
    nobody = cli("--profile", bob, "freeze", "--reason", "x")
    assert nobody.code == 6 and "[api.unreachable]" in nobody.err
    relay.connect("signer-2")
    held = cli("--profile", bob, "freeze", "--reason", "x", "--json")
    document = json.loads(held.out)
    assert held.code == 0 and (document["status"], document["held"]) == ("held", ["signer-2"])
    assert document["coordinator"]["code"] == "api.unreachable"
    nowhere = cli("--profile", bob, "freeze", "--reason", "x", "--relay", "127.0.0.1:1")
    assert nowhere.code == 6


@pytest.mark.parametrize(
    "command",
    [
        ["freeze", "--reason", "x"],
        ["transfer", "reject", "ab" * 32],
        ["transfer", "cancel", "ab" * 32],
        ["person", "suspend", "exchange"],
        ["person", "revoke-key"],
        ["wallet", "close", "hot-eth"],
        ["address", "remove", "eip155:31337:0x" + "ab" * 20, "--group", "vendors"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_every_stop_can_be_signed_into_a_file_without_anybody(
    site: Site, cli: Cli, tmp_path: Path, command: list[str]
) -> None:
    profile = site.profile("bob")
    (profile / "profile.toml").write_text(
        (profile / "profile.toml").read_text().replace(site.url, "http://127.0.0.1:1")
    )
    done = cli("--profile", profile, *command, "--file", "stop.json")
    assert done.code == 0 and "stops" in done.out
    assert json.loads((tmp_path / "stop.json").read_text())["payload"]


def test_a_relay_is_made_from_the_first_entry_of_the_pinned_workspace_only(
    site: Site, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "entry.json").write_bytes(site.coordinator.log.entries[1].raw)
    made = cli("relay", "init", "--home", tmp_path / "r", "--workspace", site.coordinator.workspace, "--genesis",
               tmp_path / "entry.json")  # fmt: skip
    assert made.code == 5 and "[workspace.not_created_here]" in made.err
    neither = cli("relay", "init", "--home", tmp_path / "r", "--workspace", site.coordinator.workspace)
    assert neither.code == 2 and "[relay.genesis]" in neither.err


def test_a_node_is_told_of_a_relay_once_and_keeps_it(site: Site, cli: Cli, relay: Relay, tmp_path: Path) -> None:
    from strongroom.cli.homes import node_settings, pin_node

    place = ["--provider", "p", "--region", "r", "--jurisdiction", "j", "--site", "s"]
    assert cli("signer", "init", "--home", tmp_path / "n", "--name", "signer-1", *place).code == 0
    for times in (1, 2):
        pin_node(tmp_path / "n", site.coordinator.workspace, "127.0.0.1:7701", [relay.home / "relay.json"] * times)
        assert node_settings(tmp_path / "n")["stop_relays"] == [relay.document]
    pin_node(tmp_path / "n", "", "127.0.0.1:7777", [])
    assert node_settings(tmp_path / "n")["stop_relays"] == [relay.document]
    assert relay.address in cli("signer", "show", "--home", tmp_path / "n").out
