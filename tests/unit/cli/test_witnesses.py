"""Repairs and changes of witnesses at the command line."""

from __future__ import annotations

import json
from pathlib import Path

from strongroom.documents.statement import from_envelope
from strongroom.policy.loader import load_policy
from tests.unit.api.coordinator import Split
from tests.unit.cli.conftest import Cli, Site

TORN = Split(True, 3, 7, {(0, 8, "aa" * 32): ["signer-1"], (1, 7, "bb" * 32): ["signer-2"]}, ((7, "address.listed"),))


def test_a_repair_is_shown_before_it_is_ordered_and_ordered_by_two(site: Site, cli: Cli) -> None:
    site.coordinator.torn = TORN
    shown = cli("--profile", site.profile("bob"), "log", "repair")
    assert shown.code == 0 and not site.coordinator.asked
    for words in ("signer-2", "7 entries are cosigned", "repair 3", "7 address.listed", "--yes"):
        assert words in shown.out
    assert json.loads(cli("--profile", site.profile("bob"), "log", "repair", "--json").out)["number"] == 3
    first = cli("--profile", site.profile("bob"), "log", "repair", "--yes")
    assert first.code == 3 and "1 more of the administrators" in first.out
    second = cli("--profile", site.profile("alice"), "log", "repair", "--yes", "--json")
    assert second.code == 0 and json.loads(second.out)["stage"] == "logged"
    assert [from_envelope(envelope).subject for envelope in site.coordinator.asked] == [{"number": 3}] * 2


def test_a_log_that_goes_on_by_itself_is_not_repaired(site: Site, cli: Cli) -> None:
    result = cli("--profile", site.profile("bob"), "log", "repair", "--yes", "--json")
    assert result.code == 2 and json.loads(result.out)["error"]["code"] == "repair.not_needed"
    assert not site.coordinator.asked


def test_a_node_joins_for_another_by_its_own_statement(site: Site, cli: Cli) -> None:
    place = ("--provider", "p", "--region", "r", "--jurisdiction", "j", "--site", "s")
    assert cli("signer", "init", "--home", "node", "--name", "signer-4", *place).code == 0
    joined = cli("signer", "join", "--home", "node", "--workspace", site.coordinator.workspace)
    assert joined.code == 0 and "signer-4.join.json" in joined.out
    command = ("node", "enrol", "signer-4.join.json", "--replacing", "signer-3")
    assert cli("--profile", site.profile("bob"), *command).code == 3
    assert cli("--profile", site.profile("alice"), *command).code == 0
    subject = from_envelope(site.coordinator.asked[0]).subject
    document = site.coordinator.log.next_policy(leaves="signer-3")
    spec = json.loads(Path("node/signer-4.json").read_text())
    document["witnesses"]["nodes"][spec.pop("name")] = spec
    assert subject == {"policy": load_policy(document).digest, "version": 2}


def test_the_command_line_follows_the_witnesses_from_change_to_change(site: Site, cli: Cli) -> None:
    home, seal = site.coordinator.log, ("--profile", site.profile("bob"), "workspace", "show", "--json")
    stay = ("signer-1", "signer-2", "guardian-1")
    home.change("signer-4", "signer-3", stay)
    home.certify(stay)
    home.change("guardian-2", "guardian-1", ("signer-1", "signer-2", "signer-4"))
    for certified in (False, True):
        if certified:
            home.certify(("signer-1", "signer-2", "signer-4"))
        site.coordinator.cosigners = ("signer-1", "signer-2", "signer-4")
        assert cli(*seal).code == 0
    site.coordinator.cosigners = ("signer-1", "signer-4", "guardian-2")
    assert cli(*seal).code == 0
    site.coordinator.cosigners = ("signer-1", "signer-3", "guardian-1")  # two of them retired
    assert json.loads(cli(*seal).out)["error"]["code"] == "checkpoint.quorum"
    site.coordinator.cosigners = ("signer-1", "signer-4", "guardian-2")
    home.entries[next(i for i, e in enumerate(home.entries) if e.kind == "witnesses.changed")] = home.entries[0]
    assert cli(*seal).code == 5, "without its certificate a change proves nothing"


def test_a_change_that_the_loader_refuses_is_not_signed(site: Site, cli: Cli) -> None:
    result = cli("--profile", site.profile("bob"), "node", "retire", "guardian-1")
    assert result.code == 2 and "cannot reach the quorum" in result.err
    assert cli("--profile", site.profile("bob"), "node", "retire", "nobody").code == 2
    assert not site.coordinator.asked
