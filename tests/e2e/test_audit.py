"""The exported log with its chain evidence, verified where there is no network; and with one byte flipped."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from pathlib import Path

from strongroom.lab import processes
from tests.e2e.conftest import Lab

WEI = 10**15


def offline(lab: Lab, bundle: Path) -> subprocess.CompletedProcess[str]:
    """`strongroom audit BUNDLE --json` in a network namespace of its own."""
    command = ["unshare", "-n", *processes.program(), "audit", str(bundle), "--json"]
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=lab.directory, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_bundle_is_verified_without_a_network_and_a_flipped_byte_is_named(lab: Lab, tmp_path: Path) -> None:
    lab.actions.send("ETH", WEI, "0x" + secrets.token_hex(20), "audited")
    bundle = tmp_path / "log.bundle"
    exported = lab.command("audit", "export", str(bundle), profile="alice")
    assert exported.returncode == 0, exported.stdout + exported.stderr
    passed = offline(lab, bundle)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    told = json.loads(passed.stdout)
    assert told["ok"] and told["chain"] and all(account["nonce"] >= 1 for account in told["chain"])
    whole = bundle.read_bytes()
    for position in (len(whole) // 3, len(whole) // 2, whole.rindex(b"\nend ") - 40):
        flipped = bytearray(whole)
        flipped[position] ^= 1
        bundle.write_bytes(flipped)
        failed = offline(lab, bundle)
        assert failed.returncode == 5, failed.stdout + failed.stderr
        found = json.loads(failed.stdout)
        assert not found["ok"] and found["part"] in ("entry", "evidence") and found["entry"] is not None
    for length in range(0, len(whole), 16 * 1024):
        bundle.write_bytes(whole[:length])
        assert offline(lab, bundle).returncode == 5
