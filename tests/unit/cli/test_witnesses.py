"""Repairs and changes of witnesses at the command line."""

from __future__ import annotations

import json
from pathlib import Path

from strongroom.custody.digest import state_digest
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


def test_the_state_is_sealed_into_the_log(site: Site, cli: Cli) -> None:
    before = site.coordinator.state
    told = json.loads(cli("--profile", site.profile("bob"), "log", "seal", "--json").out)
    assert told == {"entry": before.size, "digest": state_digest(before)}
    assert state_digest(site.coordinator.state)[:16] in cli("--profile", site.profile("bob"), "log", "seal").out


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


def test_a_change_that_the_loader_refuses_is_not_signed(site: Site, cli: Cli) -> None:
    result = cli("--profile", site.profile("bob"), "node", "retire", "guardian-1")
    assert result.code == 2 and "cannot reach the quorum" in result.err
    assert cli("--profile", site.profile("bob"), "node", "retire", "nobody").code == 2
    assert not site.coordinator.asked
