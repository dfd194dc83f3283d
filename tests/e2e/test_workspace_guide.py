"""A workspace made by the guide's own commands, without the lab: keys where they stay, files, a first transfer."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.lab import chain, ports, processes
from strongroom.lab.client import Api
from strongroom.lab.layout import Layout

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/workspace.md"
PLACE = ("--provider", "p", "--region", "r", "--jurisdiction", "j", "--site", "s")
NODES = ("signer-1", "signer-2", "signer-3", "guardian-1")
PEOPLE = ("alice", "bob", "carol")
PAYEE = "0x000000000000000000000000000000000000bEEF"


class House:
    """One directory that stands for everyone's machines."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.layout = Layout(directory)
        for name in ("logs", "run"):
            (directory / name).mkdir()
        self.ports = ports.choose({}, frozenset())

    def run(self, *arguments: str, profile: str = "", expect: int = 0) -> dict[str, Any]:
        """A command with --json, as a person or service; its exit code must be the expected one."""
        environment = {**os.environ, "STRONGROOM_PROFILE": str(self.directory / profile)} if profile else None
        done = subprocess.run(
            [*processes.program(), *arguments, "--json"],
            cwd=self.directory, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        assert done.returncode == expect, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def start(self, role: str, *arguments: str) -> None:
        """Run a role in the background."""
        processes.start(self.layout, role, [*processes.program(), *arguments], None, self.directory)

    @property
    def rpc(self) -> chain.Rpc:
        return chain.Rpc(chain.url(self.ports["chain"]))


def policy() -> str:
    """The guide's policy, on the development chain and with one confirmation."""
    (text,) = re.findall(r"(?ms)^```toml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"))
    return text.replace("eip155:1", chain.CHAIN).replace("confirmations = 12", "confirmations = 1")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Steps 1 to 4 of the guide."""
    made = House(tmp_path_factory.mktemp("house"))
    try:
        _keys(made)
        (made.directory / "policy.toml").write_text(policy())
        made.run("workspace", "init", "--from", "policy.toml", "--out", "draft.json")
        for name in PEOPLE:
            made.run("workspace", "sign", "draft.json", "--yes", profile=name)
        for name in NODES:
            made.run(_duty(name), "enrol", "--home", name, "draft.json", "--yes")
        statements = sorted(path.name for path in made.directory.glob("*.statement.json"))
        created = made.run("workspace", "create", "--home", "coordinator", "draft.json", *statements)
        _roles(made, created["workspace"])
        for name in (*PEOPLE, "exchange"):
            made.run("workspace", "join", created["workspace"], "--api", _api(made), profile=name)
        yield made
    finally:
        processes.stop(made.layout, ("coordinator", *NODES, "chain"), patience=5)


def _duty(name: str) -> str:
    return "guardian" if name.startswith("guardian") else "signer"


def _api(house: House) -> str:
    return f"http://127.0.0.1:{house.ports['api']}"


def _keys(house: House) -> None:
    for name in PEOPLE:
        house.run("person", "new", name, "--dir", name)
    house.run("service", "new", "exchange", "--dir", "exchange")
    for name in NODES:
        house.run(_duty(name), "init", "--home", name, "--name", name, *PLACE)
    listen = ("--api", f"127.0.0.1:{house.ports['api']}", "--relay", f"127.0.0.1:{house.ports['relay']}")
    node = f"{chain.CHAIN}={chain.url(house.ports['chain'])}"
    house.run("coordinator", "init", "--home", "coordinator", *listen, "--chain", node)
    for home in (*PEOPLE, "exchange", *NODES, "coordinator"):  # only the credential files travel
        (credential,) = (house.directory / home).glob("*.json")
        (house.directory / credential.name).write_bytes(credential.read_bytes())
        keys = [*(house.directory / home).glob("*.key"), *(house.directory / home).glob("*.pem")]
        assert keys and all(path.stat().st_mode & 0o777 == 0o600 for path in keys)


def _roles(house: House, workspace: str) -> None:
    command = chain.command(house.directory, house.ports["chain"])
    processes.start(house.layout, "chain", command, None, house.directory)
    processes.wait_until(house.layout, "chain", house.rpc.answers)
    house.start("coordinator", "serve", "--home", "coordinator")
    relay = f"127.0.0.1:{house.ports['relay']}"
    for name in NODES:
        house.start(name, _duty(name), "run", "--home", name, "--workspace", workspace, "--relay", relay)
    processes.wait_until(house.layout, "coordinator", Api(_api(house)).answers)


def _settled(house: House) -> bool:
    """Whether every node takes part."""
    try:
        nodes = house.run("status", profile="alice")["nodes"]
    except AssertionError:
        return False
    return len(nodes) == len(NODES) and all(row["connected"] and row["rejoined"] for row in nodes)


def _by_two(house: House, *arguments: str) -> dict[str, Any]:
    """Two administrators give the same command; the first is told that one more is needed."""
    house.run(*arguments, profile="alice", expect=3)
    return house.run(*arguments, profile="bob")


@pytest.fixture(scope="module")
def funded(house: House) -> House:
    """Step 5: a key, a wallet, and something in it."""
    processes.wait_until(house.layout, "coordinator", lambda: _settled(house))
    order = ("key", "generate", "hot-ecdsa", "--threshold", "2")
    house.run(*order, profile="alice", expect=3)
    house.run(*order, "--wait", profile="bob")
    _by_two(house, "wallet", "open", "hot-eth", "--chain", chain.CHAIN, "--key", "hot-ecdsa")
    address = house.run("wallet", "address", "hot-eth", profile="alice")["address"]
    house.rpc.faucet(f"{chain.CHAIN}:{address.lower()}", chain.ETH_ASSET, 10**20)
    return house


def _propose(house: House, by: str, amount: str, *more: str, expect: int = 0) -> dict[str, Any]:
    options = ("--from", "hot-eth", "--to", PAYEE, "--asset", "ETH", "--amount", amount, *more)
    return house.run("transfer", "propose", *options, profile=by, expect=expect)


def _paid(house: House) -> int:
    return house.rpc.balance(PAYEE.lower())


def test_the_service_withdraws_by_itself(funded: House) -> None:
    before = _paid(funded)
    done = _propose(funded, "exchange", "0.25", "--wait")
    assert done["status"] == "completed" and _paid(funded) - before == 25 * 10**16


def test_more_than_its_rule_is_denied(funded: House) -> None:
    assert _propose(funded, "exchange", "1.5", expect=4)["error"]["code"] == "policy.no_rule"


def test_the_same_idempotency_key_makes_one_transfer(funded: House) -> None:
    before = _paid(funded)
    first = _propose(funded, "exchange", "0.125", "--idempotency", "order-1", "--expires", "600", "--wait")
    other = _propose(funded, "exchange", "0.126", "--idempotency", "order-1", "--expires", "600", expect=2)
    assert other["error"]["code"] == "intent.idempotency_conflict"
    assert first["status"] == "completed" and _paid(funded) - before == 125 * 10**15


def test_people_approve_and_the_rule_s_delay_holds_it(funded: House) -> None:
    asked = _propose(funded, "alice", "2", "--wait", expect=3)
    assert asked["status"] == "awaiting_approvals"
    for name in ("bob", "carol"):
        funded.run("transfer", "approve", asked["id"], "--yes", profile=name)
    shown = funded.run("transfer", "show", asked["id"], profile="alice")
    assert shown["status"] == "delayed" and shown["awaiting"]["code"] == "delay.not_elapsed"
    assert [row["person"] for row in shown["approvals"]] == ["bob", "carol"]
    funded.run("transfer", "reject", asked["id"], profile="carol")
    assert funded.run("transfer", "show", asked["id"], profile="alice")["status"] == "closed"


def test_a_freeze_by_one_person_stops_transfers_and_two_end_it(funded: House) -> None:
    funded.run("freeze", "--reason", "phone stolen", profile="carol")
    denied = _propose(funded, "exchange", "0.1", expect=4)
    assert denied["error"]["code"] == "workspace.frozen"
    (freeze,) = [row for row in funded.run("status", profile="alice")["findings"] if "frozen" in row]
    name = re.findall(r"freeze ([0-9a-f]+)", freeze)[0]
    _by_two(funded, "unfreeze", name)
    assert _propose(funded, "exchange", "0.1", "--wait")["status"] == "completed"


def test_the_log_is_exported_and_passes_offline(funded: House) -> None:
    funded.run("audit", "export", "log.bundle", profile="alice")
    report = funded.run("audit", "log.bundle")
    assert report["ok"] is True and report["label"] == "Acme"
    assert report["kinds"]["workspace.frozen"] == report["kinds"]["workspace.unfrozen"] == 1
    assert sorted(report["keys"]["hot-ecdsa"]["participants"]) == ["signer-1", "signer-2", "signer-3"]


def test_a_node_that_is_pinned_joins_no_other_workspace(funded: House) -> None:
    command = [*processes.program(), "guardian", "run", "--home", "guardian-1", "--workspace", "ab" * 32]
    done = subprocess.run(command, cwd=funded.directory, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "workspace.pinned" in done.stderr
