"""`strongroom restore`: from a bundle, from a node's home; what cannot serve as a source is told apart."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from strongroom.cli.main import run
from strongroom.documents.credentials import SigningKey
from strongroom.policy.compare import tightens
from strongroom.policy.loader import load_policy
from strongroom.signer.disk import Disk, open_disk
from tests.unit.audit.test_verify import bundle_of, note_of
from tests.workspace import Workspace

DESK = Workspace().ready()


def asked(capsys: pytest.CaptureFixture[str], source: Path, home: Path, *more: str) -> tuple[int, dict[str, object]]:
    code = run(["restore", "--from-signer", str(source), "--home", str(home), "--json", *more])
    return code, json.loads(capsys.readouterr().out)


def node(home: Path, *, note: bool = True, start: int = 0) -> Path:
    """A stopped node's home with the log of a workspace."""
    home.mkdir()
    workspace = DESK.state.workspace
    text = f'name = "signer-1"\nduty = "signer"\nrelay = "127.0.0.1:7709"\nworkspace = "{workspace}"\n'
    (home / "node.toml").write_text(text)
    (home / "lock").touch()
    disk = Disk(sqlite3.connect(home / "node.db"))
    disk.write_entries(start, [entry.raw for entry in DESK.entries[start:]])
    if note:
        disk.put("note", "newest", {"note": note_of(DESK)})
    disk.commit()
    return home


def test_a_home_is_made_from_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tmp_path / "log.bundle"
    bundle.write_bytes(bundle_of(DESK))
    code, told = asked(capsys, bundle, tmp_path / "new", "--chain", "eip155:1=http://127.0.0.1:8545")
    assert code == 0
    assert (told["size"], told["root"]) == (DESK.state.size, DESK.state.root.hex())
    text = (tmp_path / "new/coordinator.toml").read_text()
    assert DESK.state.workspace in text and '[chains."eip155:1"]' in text


def test_a_home_is_made_from_a_node_s_and_dials_where_the_node_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = node(tmp_path / "signer")
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    log_key = tmp_path / "log.key"
    log_key.write_bytes(DESK.keys["coordinator"].pem())
    log_key.chmod(0o600)
    code, told = asked(capsys, source, tmp_path / "new", "--log-key", str(log_key))
    assert (code, told["log_key"]) == (0, "the policy's")
    assert 'relay = "127.0.0.1:7709"' in (tmp_path / "new/coordinator.toml").read_text()
    assert before == {path.name: path.read_bytes() for path in source.iterdir()}, "the source is only read"


def test_a_new_log_key_comes_with_the_policy_that_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = asked(capsys, node(tmp_path / "signer"), tmp_path / "new")
    assert (code, told["log_key"]) == (0, "new")
    old, key = DESK.state.policy, SigningKey.load(tmp_path / "new/log.key").credential
    following = load_policy(json.loads((tmp_path / "new/next-policy.json").read_text()))
    assert old is not None and (following.version, following.coordinator) == (old.version + 1, key)
    assert tightens(old, following), "it is in force at once"


def test_sources_that_cannot_serve_are_refused_with_their_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def code_of(source: Path) -> object:
        code, told = asked(capsys, source, tmp_path / "new")
        assert code == 2 and not (tmp_path / "new").exists()
        error = told["error"]
        assert isinstance(error, dict)
        return error["code"]

    assert code_of(tmp_path / "nothing") == "restore.source"
    assert code_of(node(tmp_path / "empty", note=False)) == "restore.source"
    assert code_of(node(tmp_path / "begun-in-the-middle", start=3)) == "restore.source"
    running = node(tmp_path / "running")
    (running / "node.db").unlink()
    disk = open_disk(running)
    assert code_of(running) == "home.in_use"
    assert disk is not None


def test_a_home_that_exists_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old").mkdir()
    code, told = asked(capsys, node(tmp_path / "signer"), tmp_path / "old")
    assert code == 2 and isinstance(told["error"], dict) and told["error"]["code"] == "file.exists"
    assert list((tmp_path / "old").iterdir()) == []


def test_a_source_that_fails_half_way_leaves_no_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tmp_path / "log.bundle"
    bundle.write_bytes(bundle_of(DESK).replace(b"hot-eth", b"hot-eht", 1))
    code, _ = asked(capsys, bundle, tmp_path / "new")
    assert code != 0 and [path.name for path in tmp_path.iterdir()] == ["log.bundle"]
