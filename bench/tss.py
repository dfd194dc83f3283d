"""The peer: tss-lib, a Go module, built here once and run as a process of its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.measure import Bench

SOURCES: Final = Path(__file__).parent / "peers" / "tss"
VERSION: Final = "v2.0.2"


@dataclass(frozen=True, slots=True)
class Peer:
    """Milliseconds of its key generation, and of each signature: wall, and CPU of its whole process."""

    keygen: float
    walls: tuple[float, ...]
    cpus: tuple[float, ...]

    @classmethod
    def measure(cls, bench: Bench, scheme: str, count: int) -> Peer:
        """Run it; raises RuntimeError with its last words when it fails. `scheme` is ecdsa or eddsa."""
        binary = build(bench)
        # Pre-parameters depend on the library alone; they protect nothing.
        options = ["-scheme", scheme, "-cache", str(bench.cache / f"tss-{VERSION}"), "-count", str(count)]
        command = [str(binary), *options]
        last: dict[str, Any] = {}
        with (
            (bench.scratch / "tss-errors").open("w+", encoding="utf-8") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                last = json.loads(line)
                if "progress" in last:
                    bench.progress(f"tss-lib {scheme}: {last['progress']}")
        if process.returncode or "wall_ms" not in last:
            failure = (bench.scratch / "tss-errors").read_text(encoding="utf-8").strip()
            raise RuntimeError(f"the peer failed: {failure[-400:]}")
        return cls(last["keygen_ms"], tuple(last["wall_ms"]), tuple(last["cpu_ms"]))

    def to_doc(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {"version": VERSION, **asdict(self)}


def build(bench: Bench) -> Path:
    """The peer's binary, kept under the hash of its sources."""
    names = ("go.mod", "go.sum", "main.go")
    key = hashlib.sha256(b"\0".join((SOURCES / name).read_bytes() for name in names)).hexdigest()[:16]
    binary = bench.cache / f"tss-{key}"
    if not binary.exists():
        bench.progress("building tss-lib (once)")
        bench.cache.mkdir(parents=True, exist_ok=True)
        part = binary.with_suffix(".part")
        command = ["go", "build", "-mod=readonly", "-trimpath", "-o", str(part), "."]
        done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False, timeout=1200)
        if done.returncode:
            raise RuntimeError(f"go build of the peer failed: {done.stderr.strip()[-400:]}")
        part.rename(binary)
    return binary
