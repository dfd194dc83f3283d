"""Every test, file and function that the threat model and the architecture name exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs/THREAT_MODEL.md").read_text()
DEFINED = {
    name
    for path in (*(ROOT / "tests").rglob("*.py"), *(ROOT / "rust").rglob("*.rs"))
    for name in re.findall(r"(?:def|fn) (\w+)\(", path.read_text())
}


def rows() -> list[list[str]]:
    table = MODEL.split("## Threat → control → file → test")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[1:]]


def test_every_threat_names_a_file_and_a_test_that_exist() -> None:
    assert len(rows()) >= 20
    for row in rows():
        assert len(row) == 4, row
        for name in re.findall(r"`([^`]+)`", row[2]):
            assert (ROOT / "src/strongroom" / name).exists() or (ROOT / name).exists(), name
        tests = re.findall(r"`(\w+)`", row[3])
        assert tests, row
        for name in tests:
            assert name in DEFINED, name


def test_every_file_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs/ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`([a-z_]+/[\w/.-]+\.(?:py|rs|md))(?::\w+)?`", text))
    assert len(named) >= 40
    for name in named:
        assert (ROOT / "src/strongroom" / name).exists() or (ROOT / name).exists(), name
    for name, function in re.findall(r"`([a-z_]+/[\w/.-]+\.py):(\w+)`", text):
        assert f"def {function}(" in (ROOT / "src/strongroom" / name).read_text(), (name, function)
