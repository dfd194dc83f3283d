"""The other commands against a real API, and what holds for all commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from strongroom.cli.main import app
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import from_envelope
from tests.unit.api.coordinator import KeygenProgress, Submission
from tests.unit.cli.conftest import Cli, Site
from tests.workspace import CHAIN, OTHER


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of this package, with the words that call it."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        elif command.callback.__module__.startswith("strongroom.cli."):
            yield (*path, name), command


def test_every_command_has_an_example_that_is_itself() -> None:
    found = list(commands())
    assert len(found) > 30
    for path, command in found:
        assert (command.epilog or "").startswith("Example: strongroom "), path
        words = re.sub(r"--profile \S+ ", "", command.epilog).split()[2:]
        assert tuple(words[: len(path)]) == path, path
        assert command.help, path


def test_every_command_that_answers_can_answer_in_json() -> None:
    silent = {("serve",), ("signer", "run"), ("guardian", "run"), ("relay", "run"), ("approver", "run")}
    for path, command in commands():
        options = {option for parameter in command.params for option in parameter.opts}
        assert ("--json" in options) == (path not in silent), path


def test_status(site: Site, cli: Cli) -> None:
    site.coordinator.log.propose()
    result = cli("--profile", site.profile("bob"), "status", "--digests")
    assert result.code == 0
    for words in ("signer-3", "guardian-1", "witnesses 4 of 3", "key hot-ecdsa: quorum 3 of 2", "1 open of 1", "abab"):
        assert words in result.out
    site.coordinator.losing("signer-1", "signer-2")
    result = cli("--profile", site.profile("bob"), "status")
    assert result.code == 6 and "DOWN" in result.out and "witnesses 2 of 3" in result.out
    assert json.loads(cli("--profile", site.profile("bob"), "status", "--json").out)["witnesses"] == {
        "have": 2,
        "need": 3,
    }


def test_freeze_and_unfreeze(site: Site, cli: Cli) -> None:
    bob = site.profile("bob")
    frozen = cli("--profile", bob, "freeze", "--scope", "wallet", "--target", "hot-eth", "--reason", "phone stolen")
    assert frozen.code == 0 and "frozen: wallet hot-eth" in frozen.out
    (freeze,) = site.coordinator.state.freezes.values()
    assert freeze.reason == "phone stolen"
    first = cli("--profile", bob, "unfreeze", freeze.id[:8])
    assert first.code == 3 and "not yet in force" in first.out
    second = cli("--profile", site.profile("alice"), "unfreeze")
    assert second.code == 0 and "has ended" in second.out
    assert cli("--profile", bob, "unfreeze").code == 2


def test_a_freeze_on_paper_needs_no_coordinator(site: Site, cli: Cli, tmp_path: Path) -> None:
    bob = site.profile("bob")
    (bob / "profile.toml").write_text(
        f'api = "http://127.0.0.1:9"\nworkspace = "{site.coordinator.workspace}"\nperson = "bob"\n'
    )
    result = cli("--profile", bob, "freeze", "--reason", "coordinator taken over", "--file", "freeze.json")
    assert result.code == 0 and "stops" in result.out
    envelope = Envelope.from_doc(json.loads((tmp_path / "freeze.json").read_text()))
    log = site.coordinator.log
    log.add("workspace.frozen", from_envelope(envelope).subject, [envelope])
    assert len(log.state.freezes) == 1


@pytest.mark.parametrize(("scope", "target"), [("workspace", "hot-eth"), ("wallet", ""), ("moon", "x")])
def test_a_freeze_of_nothing(site: Site, cli: Cli, scope: str, target: str) -> None:
    result = cli("--profile", site.profile("bob"), "freeze", "--scope", scope, "--target", target, "--reason", "x")
    assert result.code == 2 and "[freeze.scope]" in result.err


def test_opening_a_wallet_takes_two(site: Site, cli: Cli) -> None:
    words = ("wallet", "open", "till", "--chain", CHAIN, "--key", "hot-ecdsa", "--path", "0/7")
    first = cli("--profile", site.profile("alice"), *words)
    assert first.code == 3 and "needs 2 people, 1 have signed" in first.out
    second = cli("--profile", site.profile("bob"), *words, "--json")
    assert second.code == 0 and json.loads(second.out)["status"] == "logged"
    wallet = site.coordinator.state.wallets["till"]
    assert wallet.path == (0, 7)
    address = cli("--profile", site.profile("bob"), "wallet", "address", "till").out.strip()
    assert address.lower() == wallet.address and address != wallet.address
    listed = cli("--profile", site.profile("bob"), "wallet", "list").out
    assert "till" in listed and "hot-eth" in listed and address in listed
    closed = cli("--profile", site.profile("carol"), "wallet", "close", "till")
    assert closed.code == 0 and site.coordinator.state.wallets["till"].closed


def test_listing_an_address(site: Site, cli: Cli) -> None:
    address = OTHER.rpartition(":")[2]
    add = ("address", "add", address, "--group", "vendors", "--label", "Acme Ltd")
    assert cli("--profile", site.profile("carol"), *add).code == 0
    listed = cli("--profile", site.profile("carol"), "address", "list").out
    assert "Acme Ltd" in listed and "vendors" in listed
    again = cli("--profile", site.profile("carol"), *add)
    assert again.code == 2 and "[address.exists]" in again.err
    assert cli("--profile", site.profile("carol"), "address", "remove", address, "--group", "vendors").code == 0
    assert "no listed addresses" in cli("--profile", site.profile("carol"), "address", "list").out


def test_a_policy_is_shown_proposed_and_withdrawn(site: Site, cli: Cli, tmp_path: Path) -> None:
    alice, bob = site.profile("alice"), site.profile("bob")
    shown = cli("--profile", alice, "policy", "show")
    assert "1. small ETH" in shown.out and "at most 1 ETH" in shown.out and "no rule allows is denied" in shown.out
    policy = json.loads(cli("--profile", alice, "policy", "show", "--json").out)
    policy |= {"version": 2, "cool_down": 60}
    (tmp_path / "next.json").write_text(json.dumps(policy))
    assert "no other version" in cli("--profile", alice, "policy", "adopt").out
    assert cli("--profile", alice, "policy", "propose", "next.json").code == 3
    assert cli("--profile", bob, "policy", "propose", "next.json").code == 0
    assert "version 2" in cli("--profile", alice, "policy", "adopt").out
    assert cli("--profile", alice, "policy", "withdraw").code == 3
    assert cli("--profile", bob, "policy", "withdraw").code == 0
    assert site.coordinator.state.proposal is None
    assert cli("--profile", bob, "policy", "withdraw").code == 2


def test_suspending_and_revoking(site: Site, cli: Cli) -> None:
    assert cli("--profile", site.profile("alice"), "person", "suspend", "exchange").code == 0
    assert cli("--profile", site.profile("bob"), "person", "revoke-key").code == 0
    assert site.coordinator.state.suspended == {"exchange"}
    assert site.coordinator.state.revoked == {site.coordinator.log.keys["bob"].key_id}
    denied = cli("--profile", site.profile("exchange"), "person", "suspend", "alice")
    assert denied.code == 4 and "[person.suspended]" in denied.err


def test_key_generation_is_watched(site: Site, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    log = site.coordinator.log
    orders = []

    async def submit(envelope: Envelope, attachment: object = None) -> Submission:
        orders.append(from_envelope(envelope).subject)
        return Submission("key.generate", "collected", None, None, "what is lacking")

    def second_look(_: float) -> None:
        log.generate("hot-2")

    monkeypatch.setattr(site.coordinator, "submit", submit)
    monkeypatch.setattr("strongroom.cli.keygen.time.sleep", second_look)
    alice = site.profile("alice")
    site.coordinator.progress = (KeygenProgress("hot-2", "orders", 1, 2),)
    first = cli("--profile", alice, "key", "generate", "hot-2", "--wait")
    assert first.code == 3 and "what is lacking" in first.out
    site.coordinator.progress = (KeygenProgress("hot-2", "generating", 3, 9),)
    assert "is being generated" in cli("--profile", alice, "key", "generate", "hot-2").out
    result = cli("--profile", alice, "key", "generate", "hot-2", "--wait")
    assert result.code == 0, result.err
    assert "hot-2" in result.out and "ecdsa-dkls23" in result.out
    signers = ["signer-1", "signer-2", "signer-3"]
    assert orders[0] == {
        "name": "hot-2", "scheme": "ecdsa-dkls23", "tier": "hot", "participants": signers, "threshold": 2, "epoch": 0,
    }  # fmt: skip
    site.coordinator.progress = (KeygenProgress("hot-3", "failed", 3, 9, "signer-2 did not answer"),)
    failed = cli("--profile", alice, "key", "generate", "hot-3", "--wait", "--timeout", "9")
    assert failed.code == 5 and "signer-2 did not answer" in failed.err and failed.err.count("\n") == 1
    assert "hot-ecdsa" in cli("--profile", alice, "key", "list").out


def test_posture_is_computed_from_a_verified_log(site: Site, cli: Cli, tmp_path: Path) -> None:
    bundle = tmp_path / "log.bundle"
    assert cli("--profile", site.profile("bob"), "audit", "export", bundle).code == 0
    offline = cli("posture", bundle, "--json")
    assert offline.code == 0 and len(json.loads(offline.out)["witnesses"]["sign"]) == 4
    asked = cli("--profile", site.profile("bob"), "posture")
    assert asked.code == 0 and "could stop the log" in asked.out and "only bounded" in asked.out
    bundle.write_bytes(bundle.read_bytes().replace(b"alice", b"alicf", 1))
    assert cli("posture", bundle).code == 5


def test_audit_of_an_exported_bundle(site: Site, cli: Cli, tmp_path: Path) -> None:
    site.coordinator.log.propose()
    bundle = tmp_path / "log.bundle"
    assert cli("--profile", site.profile("bob"), "audit", "export", bundle).code == 0
    passed = cli("audit", bundle, "--json")
    assert json.loads(passed.out)["chain"][0]["nonce"] == 0
    assert passed.code == 0 and json.loads(passed.out)["ok"] is True
    assert cli("--profile", site.profile("bob"), "audit", "export", bundle).code == 2
    flipped = bytearray(bundle.read_bytes())
    at = flipped.index(b'"why"') if b'"why"' in flipped else len(flipped) // 2
    flipped[at] ^= 1
    bundle.write_bytes(flipped)
    failed = cli("audit", bundle)
    assert failed.code == 5 and re.search(r"entry \d+", failed.err)
    told = json.loads(cli("audit", bundle, "--json").out)
    assert told["ok"] is False and told["error"]["code"] == told["code"] and told["others"] == []


def test_no_coordinator_is_exit_6(site: Site, cli: Cli) -> None:
    bob = site.profile("bob")
    (bob / "profile.toml").write_text(f'api = "http://127.0.0.1:9"\nworkspace = "{"00" * 32}"\nperson = "bob"\n')
    result = cli("--profile", bob, "status")
    assert result.code == 6 and "[api.unreachable]" in result.err
    as_json = cli("--profile", bob, "transfer", "list", "--json")
    assert as_json.code == 6 and json.loads(as_json.out)["error"]["code"] == "api.unreachable"


def test_a_refresh_is_watched_until_the_next_epoch(site: Site, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, asked = site.profile("alice"), []

    async def submit(envelope: Envelope, attachment: object = None) -> Submission:
        asked.append((from_envelope(envelope).kind, from_envelope(envelope).subject))
        return Submission("key.refresh", "collected", None, None, "the signers are refreshing the key")

    monkeypatch.setattr(site.coordinator, "submit", submit)
    monkeypatch.setattr("strongroom.cli.keygen.time.sleep", lambda _: site.coordinator.log.refresh())
    result = cli("--profile", alice, "key", "refresh", "hot-ecdsa", "--json")
    assert (result.code, json.loads(result.out)["epoch"]) == (0, 1)
    assert asked == [("key.refresh", {"key": "hot-ecdsa", "epoch": 1})]
    assert "is being refreshed" in cli("--profile", alice, "key", "refresh", "hot-ecdsa", "--no-wait").out
    unknown = cli("--profile", alice, "key", "refresh", "nothing")
    assert unknown.code != 0 and "key.unknown" in unknown.err


def test_something_else_that_answers_is_told_apart(site: Site, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.api.views.workspace_document", lambda _: [1])
    result = cli("--profile", site.profile("bob"), "workspace", "show")
    assert result.code == 6 and "[api.answer]" in result.err


def test_a_key_that_others_can_read_is_not_used(site: Site, cli: Cli) -> None:
    bob = site.profile("bob")
    (bob / "key.pem").chmod(0o644)
    result = cli("--profile", bob, "freeze", "--reason", "x")
    assert result.code == 2 and "[credential.file_mode]" in result.err and "chmod 600" in result.err


@pytest.mark.parametrize(
    "words", [("transfer",), ("nothing",), ("transfer", "propose"), ("status", "--nope"), ("wallet", "open", "x")]
)
def test_wrong_usage_is_exit_2(cli: Cli, words: tuple[str, ...]) -> None:
    result = cli(*words)
    assert result.code == 2 and "Traceback" not in result.out + result.err
    if len(words) > 1:
        assert result.err.startswith("error [usage] ") and "--help" in result.err
        assert json.loads(cli(*words, "--json").out)["error"]["code"] == "usage"


def test_a_server_s_text_cannot_steer_the_terminal(site: Site, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "strongroom.api.views.workspace_document",
        lambda state: {"workspace": "w", "label": "\x1b[2Jgone", "size": 1, "time": 1, "policy_version": 1},
    )
    result = cli("--profile", site.profile("bob"), "workspace", "show")
    assert "\x1b" not in result.out and "gone" in result.out


def test_a_fault_of_our_own_is_one_line_without_its_text(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("seed words: abandon abandon")

    monkeypatch.setattr("strongroom.cli.commands.status.load", broken)
    result = cli("status")
    assert result.code == 1 and result.err.startswith("error [internal.error] RuntimeError at ")
    assert "abandon" not in result.err and result.err.count("\n") == 1


def test_as_a_process(site: Site, shell: Cli) -> None:
    version = shell("--version")
    assert (version.code, version.out) == (0, "0.1.0\n")
    bob = site.profile("bob")
    assert shell("--profile", bob, "status").code == 0
    denied = shell(
        "--profile", site.profile("exchange"), "transfer", "propose", "--from", "hot-eth", "--to", OTHER,
        "--asset", "ETH", "--amount", "2",
    )  # fmt: skip
    assert (denied.code, denied.out) == (4, "") and denied.err.startswith("error [policy.no_rule] ")
    assert shell("--profile", bob, "transfer", "show", "00" * 32).code == 2
