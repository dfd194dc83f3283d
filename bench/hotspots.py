"""Where the roles' processor time goes under load, by samples of their stacks: a map, not figures to compare."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from bench.figures import Figure, Section
from bench.lab import Lab
from bench.measure import Bench
from bench.withdrawals import Customer, sustained

ROLES: Final = ("coordinator", "signer-1", "guardian-1")
AT_ONCE: Final = 16
MOST: Final = 40  # shown; the JSON holds three times as many


def run(bench: Bench) -> Section:
    """Samples of a coordinator, a signer and a guardian: milliseconds a transfer in each function and below it."""
    with Lab(bench) as lab:
        lab.observe("sample", ROLES)

        async def act() -> int:
            async with Customer(lab.service, lab.settings.api, lab.settings.node_url) as customer:
                await customer.transfer()

                def tell(done: int, total: int) -> None:
                    bench.progress("sampled, seconds", done, total)

                return 1 + len((await sustained(customer, bench.sized(40, 2), AT_ONCE, tell))[1])

        count = asyncio.run(act())
        found = {role: json.loads(lab.collect("sample", role).read_text(encoding="utf-8")) for role in ROLES}
    remarks, details = [f"{count} transfers; one sample each tick of a role's processor time."], dict[str, Any]()
    for role, doc in found.items():
        details[role] = table(doc, count)
        remarks.append(f"[bold]{role}[/]: ms a transfer in the function itself, and with what it calls")
        remarks += [f"{row['own']:7.3f} {row['whole']:7.3f}  {row['what']}" for row in details[role][:MOST]]
    figures = tuple(
        Figure(f"{role}: sampled", "ms", doc["ms"] / count, count, note="processor time a transfer")
        for role, doc in found.items()
    )
    return Section("hotspots", f"Hot spots, {AT_ONCE} transfers at once", figures, tuple(remarks), details)


def table(doc: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The functions with the most time of their own, then those of this product with the most time altogether."""
    rows = [
        {"what": what, "own": doc["own"].get(what, 0) / count, "whole": whole / count}
        for what, whole in doc["whole"].items()
    ]
    by_own = sorted(rows, key=lambda row: -row["own"])[: MOST // 2]
    ours = [row for row in rows if "strongroom/" in row["what"] and row not in by_own]
    return by_own + sorted(ours, key=lambda row: -row["whole"])[: 3 * MOST - len(by_own)]
