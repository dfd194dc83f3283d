"""One run from an empty directory to the report."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any, Final

from bench.lab import Lab
from bench.measure import Bench, Progress
from strongroom.lab import roles
from strongroom.signer.probes import BUDGET
from tests.crash.campaign import Campaign, missed
from tests.crash.evidence import examine
from tests.crash.stream import Renewals, Stream

CUSTOMERS: Final = 4
REST: Final = 300.0
"""Seconds in which everything that was ordered must complete once nobody is killed any more."""


def crash(scratch: Path, kills: int, seed: int, tell: Progress) -> dict[str, Any]:
    """Make a lab in `scratch`, kill its roles, and say what came of it: a document, `wrong` empty if all went well."""
    with Lab(Bench(True, False, scratch, scratch, tell)) as lab:
        stream = Stream(lab.actions, CUSTOMERS)
        campaign = Campaign(lab.layout, stream, kills, seed)
        renewals = Renewals(lab.actions, lambda: campaign.renewing)
        stream.start()
        renewals.start()
        began = time.monotonic()
        campaign.run(lambda done, total: tell(f"kills; {stream.completed} transfers", done, total))
        renewals.close()
        seconds = time.monotonic() - began
        tell("everything that was ordered completes")
        roles.wait_for_api(lab.layout, lab.settings)
        roles.wait_for_nodes(lab.layout, lab.settings)
        stream.close(REST)
        tell("chain, log and databases")
        found = examine(lab.layout, lab.actions, stream.orders, scratch)
    done, times = campaign.kills, [order.seconds for order in stream.orders if order.status == "completed"]
    return {
        "seed": seed,
        "seconds": round(seconds),
        "kills": done.total,
        "kills_at_random_moments": done.random,
        "kills_by_role": dict(sorted(done.by_role.items())),
        "kills_by_fault_point": dict(sorted(done.by_point.items())),
        "fault_points_missed": missed(done),
        "stopped": done.stopped,
        "transfers": len(stream.orders),
        "completed": stream.completed,
        "seconds_to_complete": {"median": round(statistics.median(times), 1), "longest": round(max(times), 1)},
        "transactions": found.transactions,
        "duplicates": found.duplicates,
        "losses": found.losses,
        "refreshes": found.refreshes,
        "probe_use": {"budget": BUDGET, "highest": found.highest_probe_use, "pairs": found.probes},
        "entries": found.entries,
        "wrong": [*stream.trouble, *found.wrong],
    }
