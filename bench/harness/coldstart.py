"""A signer's start on its home, without a relay: all that a signer loads, the replica at its head, and its memory.

usage: python -m bench.harness.coldstart HOME WORKSPACE KEY    (the node's public key, hex)
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path

import strongroom.signer.run  # noqa: F401 - a signer's whole code is in memory, too
from strongroom.documents.credentials import Credential
from strongroom.signer.disk import Disk
from strongroom.signer.replica import Replica

if __name__ == "__main__":
    home, name, public = sys.argv[1:]
    disk = Disk(sqlite3.connect(Path(home) / "node.db"))
    replica = Replica(name, "signer-1", disk, Credential(bytes.fromhex(public)))
    assert replica.sealed.refused is None and replica.state is replica.accepted
    status = Path("/proc/self/status").read_text(encoding="ascii")
    most = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    told = {"size": replica.accepted.size, "mib": most / 1024, "cpu": time.process_time()}
    print(json.dumps(told), flush=True)
