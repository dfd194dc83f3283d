"""What the guides say to paste works: the integrator's examples as they stand, the policy of the workspace guide."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from strongroom.cli.draft import from_file
from strongroom.documents.credentials import SigningKey
from strongroom.policy.loader import load_policy
from tests.unit.cli.conftest import Site
from tests.workspace import CHAIN, ETH, PAYEE

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"


def blocks(guide: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (GUIDES / guide).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def lab(site: Site, tmp_path: Path) -> Path:
    """A directory that looks like a repository beside a lab, over the test's own coordinator."""
    services = tmp_path / ".lab" / "services"
    services.mkdir(parents=True)
    site.profile("exchange").rename(services / "exchange")
    customer = PAYEE.rpartition(":")[2].upper().replace("0X", "0x")
    known = {"chain": CHAIN, "accounts": [customer], "assets": {"ETH": {"id": ETH}}}
    (tmp_path / ".lab" / "lab.json").write_text(json.dumps(known))
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize("index", [0, 1])
def test_the_integrator_s_examples_make_a_transfer(site: Site, lab: Path, index: int, shell: str) -> None:
    found = blocks("integrator.md", "sh")
    assert len(found) == 2
    done = subprocess.run([shell, "-c", found[index]], cwd=lab, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    answer = json.loads(done.stdout)
    assert answer["amount"] == {"base_units": str(10**16), "text": "0.01 ETH"}
    assert answer["id"] in site.coordinator.state.transfers and answer["to"]["account"] == PAYEE


def test_the_python_example_is_ten_statements_and_its_imports() -> None:
    import ast

    (code,) = re.findall(r"<<'PY'\n(.*?)\nPY\n", blocks("integrator.md", "sh")[0], re.DOTALL)
    body = ast.parse(code).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {name.name.partition(".")[0] for node in imports for name in node.names if isinstance(node, ast.Import)}
    assert modules <= sys.stdlib_module_names and len(imports) == 2
    assert len(body) - len(imports) == 10


def test_the_guide_s_policy_is_a_policy(tmp_path: Path) -> None:
    (text,) = blocks("workspace.md", "toml")
    (tmp_path / "policy.toml").write_text(text)
    named = tomllib.loads(text)
    place = {"provider": "p", "region": "r", "jurisdiction": "j", "site": "s"}
    for name in [*named["people"], *named["witnesses"]["nodes"], "coordinator"]:
        document: dict[str, object] = {"name": name, "key": SigningKey.generate().credential.to_doc()}
        if name in named["witnesses"]["nodes"]:
            document |= {"duty": name.partition("-")[0], "placement": place}
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    policy = load_policy(from_file(tmp_path / "policy.toml", 1_790_000_000_000))
    assert [rule.name for rule in policy.rules] == ["small withdrawals", "everything else by two people"]
