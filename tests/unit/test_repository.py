"""The repository as a whole: it names no machine, its locks pin by hash, its modules stay small."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
LOCKS = ("run", "dev", "build")
LONGEST_MODULE = 400


def tracked(*patterns: str) -> list[Path]:
    """Files that are in the repository, or would be once added, and match one of the git patterns."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode().split("\0")  # fmt: skip
    return [path for name in listed if name and (path := ROOT / name).is_file()]


def lines_matching(pattern: str, paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a binary file
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    return found


def texts(*patterns: str) -> list[Path]:
    return [path for path in tracked(*patterns) if path != Path(__file__).resolve()]


def written_by_hand() -> list[Path]:
    return [path for path in texts() if path.suffix != ".lock" and path.name != "package-lock.json"]


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a path of one machine", r"(^|[^a-z.{}$\w])/(work|root|farm)/"),
        ("a path of a person", r"/home/[a-z]"),
        ("an unfinished note", r"\b(TODO|FIXME|XXX|HACK)\b"),
        ("a skipped test", r"pytest\.(mark\.)?(skip|xfail)|importorskip|unittest\.skip|#\[ignore"),
        ("an empty test", r"\bassert True\b"),
        ("a note from elsewhere", r"shared/[A-Z]|FIELD_NOTES|SECURITY_RULES|ATTACKS\.md|\bDESIGN(\.md)? ?§"),
        ("a Python server", r"//(files\.pythonhosted|(test\.)?pypi)\."),
        ("another package server", r"//(registry\.npmjs|(static|index)\.crates|proxy\.golang|deb\.debian)\."),
    ],
)  # fmt: skip
def test_no_file_holds(what: str, pattern: str) -> None:
    assert lines_matching(pattern, written_by_hand()) == [], what


def test_no_secret_or_built_file_is_tracked() -> None:
    built = (".pem", ".so", ".pyc", ".whl", ".sealed", ".sqlite", ".db")
    assert [path for path in tracked() if path.suffix in built] == []


@pytest.mark.parametrize("name", LOCKS)
def test_python_lock_pins_by_hash_and_names_no_address(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.lock").read_text(encoding="utf-8")
    assert "://" not in text and "--index" not in text and "--find-links" not in text and " @ " not in text
    pins = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+==\S+", pin), pin.splitlines()[0]
        assert "--hash=sha256:" in pin, pin.splitlines()[0]


def test_locks_agree_on_versions() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (REQUIREMENTS / f"{name}.lock").read_text(encoding="utf-8")
        return dict(re.findall(r"(?m)^([a-z0-9._-]+)==(\S+)", text))

    run, dev = versions("run"), versions("dev")
    differing = {name for name in run.keys() & dev.keys() if run[name] != dev[name]}
    assert differing == set()


def test_the_wheel_declares_what_the_run_lock_is_made_from() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    asked = re.findall(r"(?m)^([a-z][^<>=\s]*)", (REQUIREMENTS / "run.in").read_text(encoding="utf-8"))
    assert sorted(asked) == sorted(declared)


def test_npm_lock_pins_by_hash_and_names_no_address() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    dependencies = {name: entry for name, entry in packages.items() if name}
    assert dependencies
    for name, entry in dependencies.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name


def test_cargo_lock_pins_by_checksum_from_the_registry() -> None:
    lock = tomllib.loads((ROOT / "rust" / "Cargo.lock").read_text(encoding="utf-8"))
    foreign = [package for package in lock["package"] if "source" in package]
    assert foreign
    for package in foreign:
        assert package["source"].startswith("registry+"), package["name"]
        assert re.fullmatch(r"[0-9a-f]{64}", package["checksum"]), package["name"]


def test_every_python_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked("src/*.py", "setup/*.py", "tests/*.py", "bench/*.py")
        if path.stat().st_size > 0 and not ast.get_docstring(ast.parse(path.read_bytes()))
    ]
    assert silent == []


def test_no_module_says_two_things() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in tracked("src/*.py", "rust/*/src/*.rs")
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "helpers", "common", "manager", "misc"}
    modules = tracked("src/*.py", "rust/*/src/*.rs")
    assert [path for path in modules if drawers & {path.stem, path.parent.name}] == []


def test_the_signer_s_own_code_stays_small() -> None:
    counted = subprocess.run(
        [sys.executable, "setup/closure.py", "strongroom.signer.run", "--limit", "6500"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert counted.returncode == 0, counted.stdout + counted.stderr


def test_every_make_target_is_listed_and_exists() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"(?m)^\.PHONY: (.*)$", text).group(1).split())  # type: ignore[union-attr]
    described = set(re.findall(r"(?m)^([a-z-]+):.*## ", text))
    assert described == phony
    assert {"help", "demo", "test", "bench", "hostile", "lab-up", "lab-down"} <= described


def test_lines_of_code_leave_out_comments_docstrings_and_blank_lines() -> None:
    source = '"""One."""\n\n# two\ndef f():\n    """Three,\n    four."""\n    return 5\n'
    counted = subprocess.run(
        [sys.executable, "-c", "import sys, closure; print(*closure.size(sys.stdin.read()))"],
        cwd=ROOT / "setup", input=source, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert counted.stdout == "2 7\n"
