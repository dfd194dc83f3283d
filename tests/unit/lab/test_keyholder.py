"""The steps that each role's own user takes while a workspace is made."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from strongroom.documents.envelope import Envelope
from strongroom.documents.keyfile import save_key
from strongroom.documents.statement import verify_statement
from strongroom.errors import Refused
from strongroom.lab import keyholder, workspace
from strongroom.lab.layout import Layout
from strongroom.log.entry import new_entry
from tests.workspace import NODES, PEOPLE, Workspace

WORKSPACE = Workspace()


def asked(**changes: Any) -> bytes:
    return json.dumps({"policy": WORKSPACE.policy, "salt": "00", **changes}).encode()


def run(monkeypatch: pytest.MonkeyPatch, said: bytes, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(said)))
    return keyholder.main(list(arguments))


def test_a_key_is_made_once_and_its_private_half_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "node.key"
    assert keyholder.main(["key", str(file), "signer-1"]) == 0
    first = capsys.readouterr().out
    assert keyholder.main(["key", str(file), "signer-1"]) == 0
    assert capsys.readouterr().out == first
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(first).keys() == {"kind", "public"}


def test_a_node_agrees_only_to_a_policy_that_lists_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "node.key"
    save_key(WORKSPACE.keys["signer-1"], file)
    assert run(monkeypatch, asked(), "create", str(file), "signer-1") == 0
    envelope = Envelope.from_doc(json.loads(capsys.readouterr().out))
    statement = verify_statement(envelope, WORKSPACE.keys["signer-1"].credential)
    assert (statement.kind, statement.person) == ("workspace.create", "signer-1")
    assert run(monkeypatch, asked(), "create", str(file), "signer-2") == 2
    assert "lab.key" in capsys.readouterr().err


def test_the_log_begins_with_the_entry_that_all_agreed_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    layout = Layout(tmp_path)
    layout.home("coordinator").mkdir()
    names = (*PEOPLE, *NODES)
    evidence = [keyholder.creation(WORKSPACE.keys[name], name, WORKSPACE.policy, "00") for name in names]
    body = {"policy": WORKSPACE.policy, "salt": "00"}
    (layout.home("coordinator") / "strongroom.db").write_text("of an interrupted beginning")
    entry = new_entry("workspace.created", WORKSPACE.time, body, map(Envelope.from_doc, evidence))
    workspace.found(layout, entry)
    genesis = layout.home("coordinator") / "genesis.json"
    assert genesis.read_bytes() == entry.raw and genesis.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in genesis.parent.iterdir()] == ["genesis.json"]
    with pytest.raises(Refused, match="authority"):
        workspace.found(layout, new_entry("workspace.created", WORKSPACE.time, body))


def test_anything_else_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert keyholder.main(["nothing"]) == 2
    assert "usage" in capsys.readouterr().err
