"""Each benchmark runs, at its smallest, and yields figures of what it says; how fast is nobody's business here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import console, core, credentials, log, policy, scale, signing, tss
from bench.__main__ import NAMES, benchmark, main
from bench.biglog import big_log
from bench.figures import Section
from bench.measure import Bench
from bench.parties import generate
from strongroom.errors import Refused
from strongroom.keys.threshold import Scheme


def silent(what: str, done: int = 0, total: int = 0) -> None:
    assert what and done <= max(total, done)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(quick=True, peers=False, scratch=tmp_path, cache=tmp_path / "cache", progress=silent)


def names(section: Section) -> str:
    assert all(row.median > 0 and row.samples > 0 for row in section.figures)
    return " ".join(row.name for row in section.figures)


def test_policy(bench: Bench) -> None:
    found = names(policy.run(bench))
    assert "decision" in found and "permission to sign" in found


def test_credentials(bench: Bench) -> None:
    found = names(credentials.run(bench))
    assert "passkey (WebAuthn, ES256)" in found and "request (RS256, 2048 bits)" in found


def test_log(bench: Bench) -> None:
    section = log.run(bench)
    assert "append, one entry a transaction" in names(section)
    assert all(row.beside for row in section.figures if row.goal)


def test_scale(bench: Bench) -> None:
    found = names(scale.run(bench))
    assert "cold start" in found and "sign, at 600 entries" in found and "append" in found
    assert scale.node_home(bench, big_log(bench.cache, 600)).exists(), "what takes long is kept"


def test_console(bench: Bench) -> None:
    assert "the newest transfers" in names(console.run(bench))


def test_core(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (3, 5) in core.SHAPES
    monkeypatch.setattr(core, "SHAPES", ((2, 3),))  # a 3-of-5 key takes ten seconds of computing
    found = names(core.run(bench))
    assert all(f"{words} 2-of-3: signature" in found for words in core.WORDS.values())


def test_signing(bench: Bench) -> None:
    section = signing.run(bench)
    found = names(section)
    for words in core.WORDS.values():
        assert f"{words}: one at a time" in found and f"{words}: 40 ms each way" in found
    slow = [row.median for row in section.figures if "each way" in row.name]
    assert min(slow) >= 4 * signing.DELAY_MS  # a request, at least one round, and the answer crossed the long link


def test_a_group_signs_what_it_is_given(tmp_path: Path) -> None:
    group = generate(Scheme.BIP340_FROST, 2, 3, tmp_path)
    signature = group.sign((1, 3), bytes(32))
    group.verify(bytes(32), signature)
    with pytest.raises(Refused):
        group.verify(b"\x01" * 32, signature)


def stand_in(bench: Bench, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in the place of the built peer."""
    path = bench.scratch / "peer"
    path.write_text(f"#!{sys.executable}\nimport json, sys\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(tss, "build", lambda given: path)


def test_a_peer_is_read_from_its_lines(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(
        bench, monkeypatch,
        "assert sys.argv[1:3] == ['-scheme', 'eddsa'] and sys.argv[-1] == '2'\n"
        "print(json.dumps({'progress': 'one'}))\n"
        "print(json.dumps({'keygen_ms': 5, 'wall_ms': [1, 2], 'cpu_ms': [3, 4]}))",
    )  # fmt: skip
    assert tss.Peer.measure(bench, "eddsa", 2) == tss.Peer(5, (1, 2), (3, 4))


@pytest.mark.parametrize("script", ["sys.exit('no curve')", "print(json.dumps({'progress': 'no curve'})); sys.exit(1)"])
def test_a_peer_that_fails_says_why(bench: Bench, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    stand_in(bench, monkeypatch, script)
    with pytest.raises(RuntimeError, match="the peer failed"):
        tss.Peer.measure(bench, "ecdsa", 1)


def test_the_peer_is_pinned_to_the_version_whose_pre_parameters_are_kept() -> None:
    assert f"github.com/bnb-chain/tss-lib/v2 {tss.VERSION}\n" in (tss.SOURCES / "go.mod").read_text(encoding="utf-8")


def test_every_name_is_a_benchmark() -> None:
    assert all(callable(benchmark(name)) for name in NAMES)


def test_command_line_writes_figures_and_survives_a_failing_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(bench: Bench) -> Section:
        raise RuntimeError("out of luck")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(log, "run", broken)
    assert main(["policy", "log", "--quick", "--json", "figures.json"]) == 1
    written = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert written == json.loads((tmp_path / ".bench" / "latest.json").read_text(encoding="utf-8"))
    assert written["sections"]["policy"]["figures"] and not written["sections"]["log"]["figures"]
    assert written["sections"]["log"]["remarks"] == ["failed: out of luck"]
    assert "Policy decisions" in capsys.readouterr().out


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["polcy"])
    assert "no benchmark is called polcy" in capsys.readouterr().err
