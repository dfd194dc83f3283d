"""A person's own machine at the command line: it shows and signs what it has verified itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from strongroom.chains.evm.checksum import checksum
from strongroom.cli import approving, signing
from strongroom.documents.credentials import SigningKey, Surface
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import statement_hash
from strongroom.log.entry import new_entry
from strongroom.passkeys.enrolment import read_enrolment
from tests.unit.cli.conftest import SRC, Cli, Site
from tests.workspace import NODES, PAYEE, WEI

THIEF = "eip155:31337:0x" + "66" * 20
ADDRESS = checksum(PAYEE.rpartition(":")[2])


@pytest.fixture
def asked(site: Site) -> str:
    """Two ETH of alice's, which two of the treasury approve."""
    return str(site.coordinator.log.propose("alice", amount=str(2 * WEI)))


@pytest.fixture
def home(site: Site) -> Path:
    return site.profile("bob")


def test_a_new_home_has_a_key_of_its_own_surface(site: Site, cli: Cli, tmp_path: Path) -> None:
    home, workspace = tmp_path / "bob-2", site.coordinator.workspace
    made = cli("approver", "init", "--home", home, "--person", "bob", "--workspace", workspace, "--api", site.url,
               "--page", "7790", "--json")  # fmt: skip
    assert made.code == 0, made.err
    document = json.loads(made.out)
    assert document["page"] == "http://localhost:7790"
    enrolment = read_enrolment(json.loads(Path(document["enrolment"]).read_text()), workspace)
    assert enrolment.person == "bob" and enrolment.credential.surface is Surface.APPROVER
    assert enrolment.credential.key_id == SigningKey.load(home / "key.pem").key_id == document["key"]
    assert json.loads(cli("approver", "status", "--home", home, "--json").out)["size"] == site.coordinator.state.size
    again = cli("approver", "init", "--home", home, "--max-age", "30", "--json")
    assert again.code == 0 and json.loads(again.out)["enrolment"] is None
    nobody = cli("approver", "init", "--home", tmp_path / "none")
    assert nobody.code == 2 and "[approver.new_home]" in nobody.err
    other = cli("approver", "init", "--home", tmp_path / "other", "--person", "bob", "--workspace", "ab" * 32, "--api",
                site.url)  # fmt: skip
    assert other.code == 5 and "[workspace.not_created_here]" in other.err


def test_it_lists_shows_and_approves(site: Site, cli: Cli, home: Path, asked: str) -> None:
    listed = cli("approver", "list", "--home", home)
    assert listed.code == 0 and "waits for YOU" in listed.out and "cosigned by a quorum" in listed.out
    shown = cli("approver", "show", asked[:8], "--home", home)
    for words in ("alice asks to move  2 ETH", ADDRESS, "on no list", f"exactly {2 * WEI} base units", "larger ETH"):
        assert words in shown.out
    done = cli("approver", "approve", asked[:8], "--home", home, "--yes")
    assert done.code == 0 and "bob approved" in done.out, done.err
    approval = site.coordinator.state.transfers[asked].approvals[0]  # type: ignore[index]
    assert approval.person == "bob"
    twice = cli("approver", "approve", asked[:8], "--home", home, "--yes")
    assert twice.code == 5 and "[approval.person_already_counted]" in twice.err
    own = cli("approver", "approve", asked[:8], "--home", site.profile("alice"), "--yes")
    assert own.code == 5 and "[approval.by_initiator]" in own.err
    assert "waits for YOU" not in cli("approver", "list", "--home", home).out


def test_who_does_not_consent_signs_nothing(site: Site, cli: Cli, home: Path, asked: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("typer.confirm", lambda _: False)
    assert cli("approver", "approve", asked, "--home", home).code == 3
    silent = cli("approver", "approve", asked, "--home", home, "--json")
    assert silent.code == 2 and json.loads(silent.out)["error"]["code"] == "consent.missing"
    assert site.coordinator.asked == []


def test_a_coordinator_whose_pages_lie_changes_nothing(
    site: Site, cli: Cli, home: Path, asked: str, monkeypatch: Any
) -> None:
    """Its API says that a thief is paid by nobody in particular; the machine never asks it for that."""
    lie = {"id": asked, "to": {"address": THIEF}, "amount": {"text": "0 ETH"}}
    monkeypatch.setattr("strongroom.api.transfers.summary", lambda *_: lie)
    monkeypatch.setattr("strongroom.api.transfers.transfer_document", lambda *_: lie)
    shown = cli("approver", "show", asked[:8], "--home", home)
    assert ADDRESS in shown.out and "6666" not in shown.out


def test_a_coordinator_that_shows_another_recipient_in_its_log_is_refused(site: Site, cli: Cli, home: Path) -> None:
    """A thief in the bytes of the proposal, under the old signature."""
    log = site.coordinator.log
    log.propose("alice", amount=str(2 * WEI))
    entry = log.entries[-1]
    genuine = entry.evidence[0]
    payload = genuine.payload.replace(PAYEE.encode(), THIEF.encode())
    forged = Envelope(payload, genuine.payload_type, genuine.signatures)
    log.entries[-1] = new_entry(entry.kind, entry.time, {"transfer": statement_hash(forged)}, [forged])
    refused = cli("approver", "list", "--home", home)
    assert refused.code == 5 and "[credential.bad_signature]" in refused.err


def test_a_coordinator_that_goes_back_is_refused(site: Site, cli: Cli, home: Path, asked: str) -> None:
    """Started from an older copy, as if the transfer had never been asked for."""
    log = site.coordinator.log
    earlier = log.clone()
    log.propose("alice", amount=str(3 * WEI))
    assert cli("approver", "status", "--home", home).code == 0
    site.coordinator.log = earlier
    refused = cli("approver", "list", "--home", home)
    assert refused.code == 5 and "[checkpoint.not_extending]" in refused.err


def test_a_checkpoint_that_too_few_have_cosigned_is_refused(site: Site, cli: Cli, home: Path, monkeypatch: Any) -> None:
    log = site.coordinator.log
    monkeypatch.setattr(type(site.coordinator), "note", property(lambda self: log.note(NODES[:2])))
    refused = cli("approver", "list", "--home", home)
    assert refused.code == 5 and "[checkpoint.no_quorum]" in refused.err


def test_what_is_too_old_is_shown_and_not_approved(
    site: Site, cli: Cli, home: Path, asked: str, monkeypatch: Any
) -> None:
    later = signing.now_ms() + 600_000
    for module in (signing, approving):
        monkeypatch.setattr(module, "now_ms", lambda: later)
    listed = cli("approver", "list", "--home", home)
    assert listed.code == 0 and "TOO OLD to approve by" in listed.out
    refused = cli("approver", "approve", asked, "--home", home, "--yes")
    assert refused.code == 5 and "[checkpoint.stale]" in refused.err and site.coordinator.asked == []


def test_what_was_verified_is_known_without_anybody(site: Site, cli: Cli, home: Path, asked: str) -> None:
    assert cli("approver", "status", "--home", home).code == 0
    text = (home / "profile.toml").read_text().replace(site.url, "http://127.0.0.1:1")
    (home / "profile.toml").write_text(text)
    assert cli("approver", "list", "--home", home).code == 6
    assert ADDRESS in cli("approver", "show", asked, "--home", home, "--offline").out
    (home / "approver.toml").write_text(f'mirrors = ["{site.url}"]\n')
    listed = cli("approver", "list", "--home", home)
    assert listed.code == 0 and "cannot be taken at its word" in listed.out


def test_stops_from_this_machine(site: Site, cli: Cli, home: Path, asked: str, tmp_path: Path) -> None:
    assert cli("approver", "status", "--home", home).code == 0
    rejected = cli("approver", "reject", asked[:8], "--home", home)
    assert rejected.code == 0 and "is rejected" in rejected.out
    other = site.coordinator.log.propose()
    frozen = cli("approver", "freeze", "--reason", "x", "--home", home)
    assert frozen.code == 0 and len(site.coordinator.state.freezes) == 1
    cancelled = cli("approver", "cancel", other, "--home", site.profile("exchange"), "--file", tmp_path / "stop.json")
    assert cancelled.code == 0 and json.loads((tmp_path / "stop.json").read_text())["payload"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mirrors = [7]", "config.mirror"),
        ('mirrors = ["file:///x"]', "config.mirror"),
        ("page = 0", "config.range"),
        ("max_age = 0", "config.range"),
        ("other = 1", "document.unknown_field"),
    ],
)
def test_mistakes_in_its_file_are_named(cli: Cli, home: Path, text: str, code: str) -> None:
    (home / "approver.toml").write_text(text + "\n")
    found = cli("approver", "status", "--home", home)
    assert found.code == 2 and f"[{code}]" in found.err


def test_its_page_runs_as_a_confined_process(site: Site, home: Path, asked: str) -> None:
    """Only who reads the address in the home gets in; a signal ends it, and the address with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (home / "approver.toml").write_text(f"page = {port}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "strongroom.cli", "approver", "run", "--home", str(home)],
        env={"PYTHONPATH": str(SRC), "PATH": os.environ["PATH"], "HOME": str(home)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("confined:")
        said, address = process.stderr.readline(), (home / "page.url").read_text().strip()
        assert "page.url" in said and address.partition("token=")[2] not in said
        assert (home / "page.url").stat().st_mode & 0o077 == 0
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=20) as browser:
            url = address.replace("localhost", "127.0.0.1")
            named = {"host": f"localhost:{port}"}
            page = browser.get(url, headers=named).text
            while "2 ETH" not in page:  # until it has verified the log
                page = browser.get(f"http://127.0.0.1:{port}/", headers=named).text
            assert "waits" in page
        assert httpx.get(f"http://127.0.0.1:{port}/", headers=named, trust_env=False).status_code == 401
    finally:
        process.terminate()
    assert process.wait(30) == 0 and not (home / "page.url").exists()
