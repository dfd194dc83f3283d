"""From empty directories to a pinned workspace: homes, draft, statements, the first entry; all of it offline."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY
from strongroom.log.entry import parse_entry
from tests.unit.cli.conftest import Cli, Site

PEOPLE = ("alice", "bob", "carol")
NODES = ("signer-1", "signer-2", "signer-3", "guardian-1")
PLACE = ("--provider", "p", "--region", "r", "--jurisdiction", "j", "--site")

POLICY = """
label = "Acme"
freezers = "treasury"
coordinator = "coordinator/coordinator.json"

[people]
alice = "alice/alice.json"
bob = "bob/bob.json"
carol = "carol/carol.json"
exchange = "exchange/exchange.json"

[administrators]
members = ["alice", "bob", "carol"]
threshold = 2

[groups]
treasury = ["alice", "bob", "carol"]

[witnesses]
faults = 1

[witnesses.nodes]
signer-1 = "signer-1/signer-1.json"
signer-2 = "signer-2/signer-2.json"
signer-3 = "signer-3/signer-3.json"
guardian-1 = "guardian-1/guardian-1.json"

[tiers.hot]
checkpoint_age = 30
schemes = ["ecdsa-dkls23"]

[chains."eip155:1"]
confirmations = 12
native = "eip155:1/slip44:60"
fee_window = { seconds = 86400, max = "1000000000000000000" }

[assets]
"eip155:1/slip44:60" = { symbol = "ETH", decimals = 18 }

[[rules]]
name = "all by approval"
when = {}
[rules.allow]
approvals = [[{ group = "treasury", threshold = 2 }]]
initiator_may_approve = false
delay = 0
expiry = 86400
fee_ceiling = "10000000000000000"
"""


@pytest.fixture
def homes(cli: Cli, tmp_path: Path) -> Path:
    """Profiles of three people and a service, homes of four nodes and the coordinator."""
    for name in PEOPLE:
        assert cli("person", "new", name, "--dir", name).code == 0
    assert cli("service", "new", "exchange", "--dir", "exchange").code == 0
    for name in NODES:
        kind = name.partition("-")[0]
        assert cli(kind, "init", "--home", name, "--name", name, *PLACE, name).code == 0
    made = cli("coordinator", "init", "--home", "coordinator", "--chain", "eip155:1=http://127.0.0.1:8545")
    assert made.code == 0
    (tmp_path / "policy.toml").write_text(POLICY)
    return tmp_path


def drafted(cli: Cli) -> dict[str, Any]:
    result = cli("workspace", "init", "--from", "policy.toml")
    assert result.code == 0, result.err
    for words in ("Acme, version 1", "2 of alice, bob, carol", "3 of 4", "all by approval"):
        assert words in result.out
    return dict(json.loads(Path("draft.json").read_text()))


def agreed(cli: Cli) -> list[str]:
    for name in PEOPLE:
        result = cli("--profile", name, "workspace", "sign", "draft.json", "--yes")
        assert result.code == 0, result.err
    for name in NODES:
        kind = name.partition("-")[0]
        assert cli(kind, "enrol", "--home", name, "draft.json", "--yes").code == 0
    return [f"{name}.statement.json" for name in (*PEOPLE, *NODES)]


def test_secrets_are_private_and_never_printed(homes: Path, cli: Cli) -> None:
    for path in (*homes.glob("*/*.pem"), *homes.glob("*/*.key")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len([*homes.glob("*/*.pem"), *homes.glob("*/*.key")]) == 9
    shown = cli("signer", "show", "--home", "signer-1")
    assert "not pinned yet" in shown.out and "PRIVATE" not in shown.out
    again = cli("person", "new", "alice", "--dir", "alice")
    assert again.code == 2 and "[credential.file_exists]" in again.err


def test_the_whole_creation(homes: Path, cli: Cli) -> None:
    draft = drafted(cli)
    statements = agreed(cli)
    result = cli("workspace", "create", "--home", "coordinator", "draft.json", *statements, "--json")
    assert result.code == 0, result.err
    workspace = json.loads(result.out)["workspace"]
    entry = parse_entry((homes / "coordinator" / "genesis.json").read_bytes())
    state = apply(EMPTY, entry)
    assert state.workspace == workspace == entry.leaf.hex()
    assert state.policy is not None and dict(state.policy.document) == draft["policy"]
    config = tomllib.loads((homes / "coordinator" / "coordinator.toml").read_text())
    assert config["workspace"] == workspace and config["chains"]["eip155:1"]["url"] == "http://127.0.0.1:8545"
    again = cli("workspace", "create", "--home", "coordinator", "draft.json", *statements)
    assert again.code == 2 and "[workspace.created_twice]" in again.err


def test_the_coordinator_reads_the_home_that_was_made(homes: Path, cli: Cli) -> None:
    from strongroom.coordinator.config import load_config

    drafted(cli)
    cli("workspace", "create", "--home", "coordinator", "draft.json", *agreed(cli))
    config = load_config(homes / "coordinator")
    assert (config.api, config.relay) == (("127.0.0.1", 7700), ("127.0.0.1", 7701))


@pytest.mark.parametrize("missing", ["bob", "signer-2", "guardian-1"])
def test_nobody_can_be_left_out(homes: Path, cli: Cli, missing: str) -> None:
    drafted(cli)
    statements = [name for name in agreed(cli) if not name.startswith(missing)]
    result = cli("workspace", "create", "--home", "coordinator", "draft.json", *statements)
    assert result.code == 5 and f"'{missing}' has not signed" in result.err
    assert not (homes / "coordinator" / "genesis.json").exists()
    assert 'workspace = ""' in (homes / "coordinator" / "coordinator.toml").read_text()


def test_a_draft_that_changed_after_signing_is_refused(homes: Path, cli: Cli) -> None:
    draft = drafted(cli)
    statements = agreed(cli)
    draft["policy"]["cool_down"] = 0
    (homes / "draft.json").write_text(json.dumps(draft))
    result = cli("workspace", "create", "--home", "coordinator", "draft.json", *statements)
    assert result.code == 5 and "[statement.other_subject]" in result.err


def test_a_draft_with_another_key_is_not_signed(homes: Path, cli: Cli) -> None:
    drafted(cli)
    (homes / "other").mkdir(mode=0o700)
    cli("person", "new", "alice", "--dir", "other")
    result = cli("--profile", "other", "workspace", "sign", "draft.json", "--yes")
    assert result.code == 2 and "[draft.not_yours]" in result.err


def test_a_malformed_draft_names_the_file_and_the_fault(homes: Path, cli: Cli) -> None:
    text = POLICY.replace("threshold = 2\n\n[groups]", "threshold = 9\n\n[groups]")
    (homes / "policy.toml").write_text(text)
    result = cli("workspace", "init", "--from", "policy.toml")
    assert result.code == 2 and "[policy.quorum_unmet]" in result.err
    (homes / "policy.toml").write_text("label = 1.5")
    result = cli("workspace", "init", "--from", "policy.toml")
    assert result.code == 2 and "policy.toml" in result.err


def test_a_node_is_pinned_once(homes: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr("strongroom.cli.roles.run_node", ran.append)
    first, other = "ab" * 32, "cd" * 32
    unpinned = cli("signer", "run", "--home", "signer-1")
    assert unpinned.code == 2 and "[workspace.not_pinned]" in unpinned.err
    assert cli("signer", "run", "--home", "signer-1", "--workspace", first, "--relay", "127.0.0.1:7701").code == 0
    settings = tomllib.loads((homes / "signer-1" / "node.toml").read_text())
    assert settings == {"name": "signer-1", "duty": "signer", "relay": "127.0.0.1:7701", "workspace": first}
    assert cli("signer", "run", "--home", "signer-1").code == 0
    refused = cli("signer", "run", "--home", "signer-1", "--workspace", other)
    assert refused.code == 2 and "[workspace.pinned]" in refused.err
    assert len(ran) == 2


def test_the_guided_draft_makes_a_policy_that_loads(homes: Path, shell: Cli) -> None:
    answers = [
        "solo",
        "Acme",
        "alice/alice.json bob/bob.json carol/carol.json",
        "exchange/exchange.json",
        " ".join(f"{name}/{name}.json" for name in NODES),
        "coordinator/coordinator.json",
        *("", ""),  # Ethereum
        f"USDC:0x{'ab' * 20}:6",
        "",
    ]
    result = shell("workspace", "init", stdin="\n".join(answers) + "\n")
    assert result.code == 0, result.err
    assert shell("policy", "check", "draft.json").code == 2  # a draft is not a policy
    policy = json.loads((homes / "draft.json").read_text())["policy"]
    (homes / "policy.json").write_text(json.dumps(policy))
    assert "well-formed" in shell("policy", "check", "policy.json").out
    assert policy["rules"][0]["name"] == "known addresses"
    assert policy["assets"][f"eip155:1/erc20:0x{'ab' * 20}"] == {"symbol": "USDC", "decimals": 6}


def test_guided_without_answers_does_nothing(shell: Cli, tmp_path: Path) -> None:
    result = shell("workspace", "init")
    assert result.code == 2 and "[input.aborted]" in result.err and not (tmp_path / "draft.json").exists()


def test_joining_checks_the_first_entry(site: Site, cli: Cli) -> None:
    profile = site.profile("bob")
    (profile / "profile.toml").write_text('api = ""\nworkspace = ""\nperson = "bob"\n')
    before = cli("--profile", profile, "status")
    assert before.code == 2 and "[profile.not_joined]" in before.err
    wrong = cli("--profile", profile, "workspace", "join", "00" * 32, "--api", site.url)
    assert wrong.code == 5 and "[workspace.not_created_here]" in wrong.err
    joined = cli("--profile", profile, "workspace", "join", site.coordinator.workspace, "--api", site.url)
    assert joined.code == 0 and "bob has joined TEST" in joined.out
    shown = cli("--profile", profile, "workspace", "show")
    assert shown.code == 0 and "cosigned by a quorum (verified)" in shown.out


def test_a_head_without_the_quorum_is_not_signed_over(site: Site, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = site.coordinator.note
    head, _, lines = honest.partition("\n\n")
    monkeypatch.setattr(
        type(site.coordinator), "note", property(lambda _: f"{head}\n\n" + "".join(lines.splitlines(True)[:2]))
    )
    result = cli(
        "--profile", site.profile("alice"), "wallet", "open", "w", "--chain", "eip155:31337", "--key", "hot-ecdsa"
    )
    assert result.code == 5 and "[checkpoint.quorum]" in result.err
    assert site.coordinator.asked == []
