"""The offline audit of a log of a million entries in a process of its own, and of one with a flipped byte."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from bench.biglog import big_log
from bench.figures import Goal, Section, figure
from bench.measure import Bench
from strongroom.audit.bundle import bundle_lines

AUDIT: Final = """
import json, resource, sys, time
from pathlib import Path
started = time.perf_counter()
from strongroom.audit.finding import AuditFailed
from strongroom.audit.verify import verify_bundle
try:
    found = {"entries": verify_bundle(Path(sys.argv[1])).state.size}
except AuditFailed as error:
    found = {"code": error.code, "entry": error.place.index}
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({**found, "seconds": time.perf_counter() - started, "mib": usage.ru_maxrss / 1024,
    "cpu": usage.ru_utime + usage.ru_stime}))
"""


def run(bench: Bench) -> Section:
    """Seconds and memory of a whole audit; how soon a flipped byte near the end is found and named."""
    size = bench.sized(1_000_000, 2000)
    log, bundle = big_log(bench.cache, size, bench.progress), bench.scratch / "log.bundle"
    bench.progress("writing the bundle")
    with bundle.open("wb") as file:
        file.writelines(bundle_lines(log.workspace, log.raws(), log.note))
    whole = [audit(bundle) for _ in bench.each("audits", range(bench.sized(3, 1)), bench.sized(3, 1))]
    bench.progress("one flipped byte")
    flipped = audit(_flipped(bundle))
    if any(each.get("entries") != size for each in whole) or flipped.get("entry") is None:
        raise RuntimeError(f"the audit says {whole}, {flipped}")
    return Section(
        "audit",
        f"The offline audit of {size:,} entries (withdrawals, one statement in four)",
        (
            figure("a whole audit", "s", [each["seconds"] for each in whole], goal=Goal(60)),
            figure("a whole audit, CPU", "s", [each["cpu"] for each in whole], note="all threads"),
            figure("a whole audit: most memory", "MiB", [each["mib"] for each in whole], note="resident"),
            figure("a flipped byte at nine tenths", "s", [flipped["seconds"]], note=f"names entry {flipped['entry']}"),
        ),
    )  # fmt: skip


def audit(bundle: Path) -> dict[str, Any]:
    """What a process that audits the bundle tells of itself."""
    done = subprocess.run([sys.executable, "-c", AUDIT, str(bundle)], capture_output=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _flipped(bundle: Path) -> Path:
    other = bundle.with_name("flipped.bundle")
    shutil.copyfile(bundle, other)
    with other.open("r+b") as file:
        file.seek(bundle.stat().st_size * 9 // 10)
        at = file.tell()
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    return other
