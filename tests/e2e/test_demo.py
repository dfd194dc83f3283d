"""What `lab demo` leaves behind, checked from outside: the chain itself, the refusals, the log."""

from __future__ import annotations

import json
import secrets
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from strongroom.lab import processes
from tests.e2e.conftest import Lab

BALANCE_OF = "0x70a08231"


def rpc(url: str, method: str, *params: Any) -> Any:
    """A JSON-RPC call by nothing but the standard library."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["result"]


def balance(url: str, asset: str, address: str, block: int) -> int:
    if "/erc20:" in asset:
        data = BALANCE_OF + address.lower()[2:].rjust(64, "0")
        return int(rpc(url, "eth_call", {"to": asset.rpartition(":")[2], "data": data}, hex(block)), 16)
    return int(rpc(url, "eth_getBalance", address, hex(block)), 16)


def test_two_transfers_are_on_the_chain_with_exact_balances(lab: Lab) -> None:
    told = lab.told
    assert [row["symbol"] for row in told["transfers"]] == ["ETH", "LUSD"]
    wallet = json.loads(lab.layout.lab_json.read_text())["wallets"][0]["address"]
    for row in told["transfers"]:
        url = told["node_url"]
        receipt = rpc(url, "eth_getTransactionReceipt", row["txid"])
        assert receipt["status"] == "0x1" and row["status"] == "completed"
        assert receipt["from"] == wallet.lower()
        block, amount = int(receipt["blockNumber"], 16), int(row["amount"])
        assert balance(url, row["asset"], row["to"], block) - balance(url, row["asset"], row["to"], block - 1) == amount
        paid = balance(url, row["asset"], wallet, block - 1) - balance(url, row["asset"], wallet, block)
        fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        assert paid == (amount if "/erc20:" in row["asset"] else amount + fee)


def test_the_token_returns_nothing_and_has_six_decimals(lab: Lab) -> None:
    row = lab.told["transfers"][1]
    token = row["asset"].rpartition(":")[2]
    assert int(rpc(lab.told["node_url"], "eth_call", {"to": token, "data": "0x313ce567"}, "latest"), 16) == 6
    transfer = "0xa9059cbb" + row["to"].lower()[2:].rjust(64, "0") + "0" * 64
    assert rpc(lab.told["node_url"], "eth_call", {"to": token, "data": transfer}, "latest") == "0x"


def test_the_limit_and_the_liar_are_refused_with_their_reasons(lab: Lab) -> None:
    above, lied = lab.told["refused"]
    assert (above["by"], above["code"]) == ("policy", "policy.denied")
    assert lied["code"] == "payload.recipients_differ"
    assert set(lied["by"].split(", ")) <= {"signer-1", "signer-2", "signer-3", "guardian-1"}


def test_the_story_is_told_in_order_and_in_plain_words(lab: Lab) -> None:
    said = (lab.directory / "demo.out").read_text()
    steps = ["1. ", "2. ", "3. ", "4. ", "5. ", "6. ", "7. ", "8. "]
    places = [said.index(f"\n{step}") for step in steps]
    assert places == sorted(places)
    assert "LAB" in said and "Traceback" not in said
    for row in lab.told["transfers"]:
        assert row["txid"] in said


def test_the_lab_goes_on_after_the_demo(lab: Lab) -> None:
    told = json.loads(lab.command("lab", "status", "--json").stdout)
    assert all(row["pid"] for row in told["processes"])
    assert told["label"] == "LAB" and told["coordinator"]["label"] == "LAB"


@pytest.fixture
def bundle(lab: Lab) -> Path:
    return lab.layout.base / "demo.bundle"


def audit(lab: Lab, bundle: Path, *before: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, *processes.program(), "audit", str(bundle)],
        cwd=lab.directory, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_log_passes_the_audit(lab: Lab, bundle: Path) -> None:
    done = audit(lab, bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.told["audit"]["state_digest"] in done.stdout
    assert lab.told["audit"]["flipped"]["entry"] is not None


@pytest.mark.root
def test_the_audit_needs_no_network(lab: Lab, bundle: Path) -> None:
    done = audit(lab, bundle, "unshare", "-n")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8])
def test_one_flipped_byte_fails_the_audit_and_names_the_entry(
    lab: Lab, bundle: Path, tmp_path: Path, share: float
) -> None:
    data = bytearray(bundle.read_bytes())
    body = data.index(b"\n\n")
    position = int(body * share)
    data[position] ^= 1
    spoilt = tmp_path / "spoilt"
    spoilt.write_bytes(data)
    done = audit(lab, spoilt)
    line = data.count(b"\n", 0, position)
    assert done.returncode == 5 and f"entry {line - 1}" in done.stdout + done.stderr


@pytest.mark.parametrize(("asset", "amount", "units"), [("ETH", "1.5", 15 * 10**17), ("LUSD", "2.25", 2_250_000)])
def test_the_faucet_gives_exactly_what_is_asked(lab: Lab, asset: str, amount: str, units: int) -> None:
    to = "0x" + secrets.token_hex(20)
    done = lab.command("lab", "faucet", to, "--asset", asset, "--amount", amount)
    assert done.returncode == 0 and f"{amount} {asset}" in done.stdout, done.stdout + done.stderr
    contract = json.loads(lab.layout.lab_json.read_text())["assets"][asset]["contract"]
    assert lab.actions.rpc.balance(to, contract) == units
    assert lab.command("lab", "faucet", "0x12", "--asset", asset).returncode == 2
    assert lab.command("lab", "faucet", to, "--asset", "DOGE").returncode == 2
