"""People come, lose keys and leave at the command line: a stop at once, and a draft for the administrators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.documents.request import client_id
from strongroom.documents.statement import sign_statement
from strongroom.passkeys.enrolment import Enrolment, enrolment_statement
from strongroom.policy.loader import load_policy
from tests.passkeys import SoftPasskey
from tests.tokens import SoftService
from tests.unit.cli.conftest import Cli, Site
from tests.workspace import seeded

KEY = SoftPasskey("http://localhost:8420", surface="approver", seed="dora")


def enrolment(tmp_path: Path, workspace: str, person: str = "dora") -> Path:
    proof = sign_statement(enrolment_statement(person, KEY.credential, workspace), KEY)  # type: ignore[arg-type]
    file = tmp_path / f"{person}.enrolment.json"
    file.write_text(json.dumps(Enrolment(person, KEY.credential, proof).to_doc()))
    return file


def drafted(path: Path) -> Any:
    return load_policy(json.loads(path.read_text()))


def test_a_newcomer_s_key_goes_into_a_draft_of_the_next_version(site: Site, cli: Cli, tmp_path: Path) -> None:
    draft = tmp_path / "next.json"
    file = enrolment(tmp_path, site.coordinator.workspace)
    done = cli("--profile", site.profile("alice"), "person", "enrol", file, draft, "--group", "treasury", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["person"], told["key_id"], told["device_bound"]) == ("dora", KEY.key_id, True)
    policy = drafted(draft)
    assert policy.version == 2 and KEY.key_id in policy.members["dora"].credentials
    again = cli("--profile", site.profile("alice"), "person", "enrol", file, draft)
    assert again.code == 0 and drafted(draft).version == 2 and "cannot leave its device" in again.out


def test_a_key_of_the_command_line_proves_itself(site: Site, cli: Cli, tmp_path: Path) -> None:
    site.coordinator.log.keys["dora"] = seeded("dora")
    dora, draft = site.profile("dora"), tmp_path / "next.json"
    proven = cli("--profile", dora, "person", "prove", "--json")
    assert proven.code == 0, proven.err
    file = json.loads(proven.out)["file"]
    assert cli("--profile", site.profile("alice"), "person", "enrol", file, draft).code == 0
    assert list(drafted(draft).members["dora"].credentials) == [seeded("dora").key_id]
    assert drafted(draft).fold == 1 and cli("--profile", dora, "person", "prove").code == 2, "a file is kept"


def test_a_replaced_key_leaves_the_draft(site: Site, cli: Cli, tmp_path: Path) -> None:
    old = site.coordinator.log.keys["bob"].key_id
    file, draft = enrolment(tmp_path, site.coordinator.workspace, "bob"), tmp_path / "next.json"
    done = cli("--profile", site.profile("alice"), "person", "enrol", file, draft, "--replaces", old)
    assert done.code == 0 and list(drafted(draft).members["bob"].credentials) == [KEY.key_id]


def test_an_enrolment_for_another_workspace_is_refused(site: Site, cli: Cli, tmp_path: Path) -> None:
    file = enrolment(tmp_path, "ab" * 32)
    done = cli("--profile", site.profile("alice"), "person", "enrol", file, "next.json")
    assert done.code == 5 and "statement.other_workspace" in done.err and not (tmp_path / "next.json").exists()


def test_whoever_leaves_is_suspended_at_once_and_out_of_the_draft(site: Site, cli: Cli, tmp_path: Path) -> None:
    done = cli("--profile", site.profile("alice"), "person", "leave", "carol", "--draft", "next.json", "--json")
    assert done.code == 0, done.err
    assert "carol" in site.coordinator.state.suspended and json.loads(done.out)["draft"] == "next.json"
    assert "carol" not in (tmp_path / "next.json").read_text()
    assert drafted(tmp_path / "next.json").groups["treasury"] == {"alice", "bob"}


def test_a_leaver_whom_a_quorum_needs_is_stopped_all_the_same(site: Site, cli: Cli, tmp_path: Path) -> None:
    draft = tmp_path / "next.json"
    alice = site.profile("alice")
    assert cli("--profile", alice, "person", "leave", "bob", "--draft", draft).code == 0
    done = cli("--profile", alice, "person", "leave", "carol", "--draft", draft)
    assert done.code == 0 and "no draft: policy.quorum_unmet" in done.out
    assert {"bob", "carol"} <= site.coordinator.state.suspended and "carol" in draft.read_text()


def test_a_lost_key_of_a_service_is_revoked_and_an_administrator_suspended(
    site: Site, cli: Cli, tmp_path: Path
) -> None:
    alice, keys = site.profile("alice"), site.coordinator.log.keys
    done = cli("--profile", alice, "person", "lost", "exchange", "--key", keys["exchange"].key_id, "--json")
    assert done.code == 0 and keys["exchange"].key_id in site.coordinator.state.revoked
    refused = cli("--profile", alice, "person", "lost", "bob", "--key", keys["bob"].key_id)
    assert refused.code == 4 and "suspend an administrator instead" in refused.err
    assert cli("--profile", alice, "person", "lost", "bob").code == 0
    assert "bob" in site.coordinator.state.suspended


@pytest.mark.parametrize("command", [["lost", "carol"], ["leave", "carol"]])
def test_the_stop_of_a_flow_can_be_signed_into_a_file_without_anybody(
    site: Site, cli: Cli, tmp_path: Path, command: list[str]
) -> None:
    profile = site.profile("bob")
    (profile / "profile.toml").write_text(
        (profile / "profile.toml").read_text().replace(site.url, "http://127.0.0.1:1")
    )
    done = cli("--profile", profile, "person", *command, "--file", "stop.json")
    assert done.code == 0 and json.loads((tmp_path / "stop.json").read_text())["payload"]


def test_a_token_key_becomes_a_credential_and_a_service(site: Site, cli: Cli, tmp_path: Path) -> None:
    service = SoftService("till")
    pem = service.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(pem)
    made = cli("--profile", site.profile("alice"), "service", "token-key", "till", "public.pem", "--json")
    assert made.code == 0, made.err
    workspace, key = site.coordinator.workspace, service.credential.key_id
    assert json.loads(made.out)["client_id"] == client_id(workspace, key)
    done = cli("--profile", site.profile("alice"), "service", "enrol", "till.json", "next.json")
    assert done.code == 0 and key in drafted(tmp_path / "next.json").members["till"].credentials
    for content in (b"", b"-----BEGIN PUBLIC KEY-----\n"):
        (tmp_path / "bad.pem").write_bytes(content)
        bad = cli("--profile", site.profile("alice"), "service", "token-key", "bad", "bad.pem")
        assert bad.code == 2 and "[credential.public]" in bad.err
