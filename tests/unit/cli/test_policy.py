"""`strongroom policy` at the desk: drafts from templates, checks, comparisons, explanations, replays."""

from __future__ import annotations

import copy
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from strongroom.policy.loader import load_policy
from tests.unit.cli.conftest import Cli, Site
from tests.workspace import NODES, OTHER, PEOPLE, TOKEN, WEI, seeded

LIMIT = {"name": "LUSD a day", "asset": TOKEN, "seconds": 86400, "per": "source", "max": "5000000000"}


@pytest.fixture
def draft(site: Site, tmp_path: Path) -> dict[str, Any]:
    """The next version of the site's policy, sound, as an object that `write` puts into next.json."""
    policy = json.loads(json.dumps(site.coordinator.log.policy))
    return {**policy, "version": 2, "limits": [*policy["limits"], LIMIT]}


def write(document: dict[str, Any], path: str = "next.json") -> None:
    Path(path).write_text(json.dumps(document))


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Options that name credential files of three people, a service, four nodes and a coordinator."""
    place = {"provider": "p", "region": "r", "jurisdiction": "j", "site": "s"}
    found = []
    for name in (*PEOPLE, "pay", *NODES, "coordinator"):
        document: dict[str, Any] = {"name": name, "key": seeded(name).credential.to_doc()}
        if name in NODES:
            document |= {"duty": name.partition("-")[0], "placement": place}
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
        kind = "person" if name in PEOPLE else "node" if name in NODES else "service" if name == "pay" else name
        found += [f"--{kind}", f"{name}.json"]
    return found


def test_a_new_policy_from_a_template(cli: Cli, files: list[str]) -> None:
    made = cli("policy", "new", "--template", "fintech", *files, "--token", f"USDC:0x{'ab' * 20}:6", "--unit", "EUR",
               "--group", "finance=alice,bob,carol", "--out", "first.json")  # fmt: skip
    assert made.code == 0 and "written to first.json" in made.out and "left out: " in made.out, made.err
    policy = load_policy(json.loads(Path("first.json").read_text()))
    assert policy.valuation is not None and policy.valuation.unit == "EUR" and policy.version == 1
    assert cli("policy", "check", "first.json").code == 0
    assert cli("workspace", "init", "--from", "first.json").code == 0
    again = cli("policy", "new", "--template", "fintech", *files, "--out", "first.json")
    assert again.code == 2 and "[file.exists]" in again.err


def test_the_guide_s_command_writes_a_policy(cli: Cli, files: list[str]) -> None:
    text = (Path(__file__).parents[3] / "docs/guides/policy.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"(?ms)^```sh\nstrongroom (policy new --template.*?)^```", text)
    Path("dan.json").write_text(json.dumps({"name": "dan", "key": seeded("dan").credential.to_doc()}))
    made = cli(*shlex.split(command.replace("\\\n", " ")))
    assert made.code == 0, made.err
    assert load_policy(json.loads(Path("policy.json").read_text())).groups["risk"] == {"carol", "dan"}


def test_a_template_that_fits_nobody_writes_nothing(cli: Cli, files: list[str]) -> None:
    few = cli("policy", "new", "--template", "exchange", *files)
    assert few.code == 2 and "[template.cast]" in few.err and "4 people" in few.err
    unmet = cli("policy", "new", "--template", "fintech", *files, "--group", "finance=alice,bob", "--group",
                "operations=alice", "--json")  # fmt: skip
    assert unmet.code == 2 and not Path("policy.json").exists()
    told = json.loads(unmet.out)
    assert told["file"] is None and told["findings"][0]["code"].startswith("check.quorum_unmet")


def test_the_next_version_from_the_one_in_force(cli: Cli, site: Site) -> None:
    write(json.loads(cli("--profile", site.profile("alice"), "policy", "show", "--json").out), "now.json")
    made = cli("policy", "new", "--template", "dao", "--like", "now.json", "--out", "next.json")
    assert made.code == 0, made.err
    assert json.loads(Path("next.json").read_text())["version"] == 2


def test_check_ends_with_2_for_errors_and_0_for_warnings(cli: Cli, draft: dict[str, Any]) -> None:
    write(draft)
    good = cli("policy", "check", "next.json")
    assert good.code == 0 and "well-formed and satisfiable" in good.out
    write({**draft, "cool_down": 0})
    warned = cli("policy", "check", "next.json", "--json")
    assert warned.code == 0 and [each["code"] for each in json.loads(warned.out)["findings"]] == ["check.no_cool_down"]
    draft["rules"].append(draft["rules"][2])
    write(draft)
    wrong = cli("policy", "check", "next.json", "--json")
    told = json.loads(wrong.out)
    assert wrong.code == 2 and told["ok"] is False and told["findings"][0]["code"] == "check.shadowed"
    draft["rules"][2]["allow"]["approvals"][0][0]["threshold"] = 5
    write(draft)
    malformed = cli("policy", "check", "next.json")
    assert malformed.code == 2 and "[policy.quorum_unmet]" in malformed.err


def test_check_holds_a_draft_against_the_log(cli: Cli, site: Site, draft: dict[str, Any]) -> None:
    draft["rules"][0]["when"]["source"] = {"wallets": ["gone"]}
    write(draft)
    told = cli("--profile", site.profile("alice"), "policy", "check", "next.json", "--json")
    alone = cli("--profile", site.profile("alice"), "policy", "check", "next.json", "--offline")
    assert alone.code == 0 and "nothing but itself" in alone.out
    assert cli("policy", "check", "next.json", "--live").code == 2  # there is no profile
    assert "check.wallet_unknown" in [each["code"] for each in json.loads(told.out)["findings"]], told.err
    assert cli("--profile", site.profile("alice"), "audit", "export", "log.bundle").code == 0
    same = cli("policy", "check", "next.json", "--bundle", "log.bundle", "--json")
    assert same.out == told.out


def test_replay_lists_what_a_draft_would_have_decided_otherwise(cli: Cli, site: Site, draft: dict[str, Any]) -> None:
    log = site.coordinator.log
    small, large = log.propose(amount=str(WEI // 4)), log.propose(amount=str(WEI // 2))
    alice = site.profile("alice")
    assert cli("--profile", alice, "audit", "export", "log.bundle").code == 0
    write(draft)
    same = cli("policy", "replay", "next.json", "--bundle", "log.bundle")
    assert same.code == 0 and "0 of 2 transfers would have been decided otherwise" in same.out, same.err
    draft["rules"][0]["when"]["amount"]["max"] = str(WEI // 4)
    slower = copy.deepcopy({**draft["rules"][0], "name": "slower"})
    slower["when"]["amount"]["max"], slower["allow"]["delay"] = str(WEI), 60
    draft["rules"].insert(1, slower)
    write(draft)
    told = cli("policy", "replay", "next.json", "--bundle", "log.bundle", "--json")
    (change,) = json.loads(told.out)["changed"]
    assert change["transfer"] == large != small and change["old"]["obligations"]["delay"] == 0
    assert change["new"]["verdict"] == "allowed" and change["new"]["obligations"]["rule"] == "slower"
    live = cli("--profile", alice, "policy", "replay", "next.json")
    assert "was by rule 'small ETH'" in live.out and "now by rule 'slower'; after a delay of 1 minute" in live.out


def test_diff_says_what_changes_and_when(cli: Cli, site: Site, draft: dict[str, Any]) -> None:
    write(draft)
    told = cli("--profile", site.profile("alice"), "policy", "diff", "next.json")
    assert told.code == 0 and "tightens  Limits beside all rules, LUSD a day: nothing → at most 5000 LUSD" in told.out
    assert "in force as soon as the administrators have signed it" in told.out
    write({**draft, "cool_down": 60, "version": 3}, "later.json")
    later = json.loads(cli("policy", "diff", "next.json", "later.json", "--json").out)
    assert later["tightens"] is False and [each["field"] for each in later["changes"]] == ["cool_down"]
    skipped = cli("--profile", site.profile("alice"), "policy", "diff", "later.json")
    assert "it waits 1 hour, until" in skipped.out and "the next version is 2, not 3" in skipped.out


def test_explain_reads_a_policy_or_answers_a_question(cli: Cli, site: Site, draft: dict[str, Any]) -> None:
    write(draft)
    read = cli("policy", "explain", "next.json")
    assert read.code == 0 and "LUSD a day: at most 5000 LUSD in 1 day per source" in read.out
    alice = site.profile("alice")
    question = ("--from", "hot-eth", "--to", OTHER.rpartition(":")[2], "--asset", "ETH", "--amount", "2")
    told = cli("--profile", alice, "policy", "explain", "--by", "alice", *question)
    assert "1. small ETH: not by exchange, nor at most 1 ETH" in told.out and "3. larger ETH: decides" in told.out
    assert "by rule 'larger ETH'; allowed with approvals by 2 of treasury" in told.out
    draft["limits"][0]["max"] = str(WEI)
    write(draft)
    stricter = cli("--profile", alice, "policy", "explain", "next.json", "--by", "alice", *question, "--json")
    assert json.loads(stricter.out)["answer"]["code"] == "limit.exceeded"
    unknown = cli("--profile", alice, "policy", "explain", "--by", "mallory", *question)
    assert unknown.code == 2 and "[person.unknown]" in unknown.err


def test_explain_takes_a_transfer_or_an_intent(cli: Cli, site: Site) -> None:
    log, alice = site.coordinator.log, site.profile("alice")
    transfer = log.propose(amount=str(WEI // 4))
    told = json.loads(cli("--profile", alice, "policy", "explain", "--transfer", transfer[:12], "--json").out)
    assert told["answer"]["obligations"]["rule"] == "small ETH" and told["rules"][-1]["decides"]
    write(log.intent(amount=str(2 * WEI)), "intent.json")
    asked = cli("--profile", alice, "policy", "explain", "--by", "exchange", "--intent", "intent.json", "--json")
    assert json.loads(asked.out)["answer"]["code"] == "policy.no_rule"
