"""Where the roles spend their time under load, by the interpreter's own profiler: not a figure to compare, a map."""

from __future__ import annotations

import asyncio
import pstats
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure, Section
from bench.lab import Lab
from bench.measure import Bench
from bench.withdrawals import Customer, sustained

ROLES: Final = ("coordinator", "signer-1", "guardian-1")
AT_ONCE: Final = 16
MOST: Final = 45


def run(bench: Bench) -> Section:
    """Profiles of a coordinator, a signer and a guardian: milliseconds a transfer in each function and below it."""
    with Lab(bench) as lab:
        lab.observe("profile", ROLES)

        async def act() -> int:
            async with Customer(lab.service, lab.settings.api, lab.settings.node_url) as customer:
                await customer.transfer()

                def tell(done: int, total: int) -> None:
                    bench.progress("profiled, seconds", done, total)

                return 1 + len((await sustained(customer, bench.sized(40, 2), AT_ONCE, tell))[1])

        count = asyncio.run(act())
        tables = {role: table(lab.collect("profile", role), count) for role in ROLES}
    remarks = [f"{count} transfers under the profiler, which makes everything slower and small calls most of all."]
    for role, rows in tables.items():
        remarks.append(f"[bold]{role}[/]: ms a transfer, own and with what it calls; calls a transfer")
        remarks += [f"{row['own']:7.3f} {row['all']:7.3f} {row['calls']:7.1f}  {row['what']}" for row in rows]
    figures = tuple(
        Figure(f"{role}: profiled", "ms", rows[0]["total"], count, note="processor time in all functions")
        for role, rows in tables.items()
    )
    return Section("hotspots", "Hot spots, 16 transfers at once", figures, tuple(remarks), tables)


def table(path: Path, count: int) -> list[dict[str, Any]]:
    """The functions with the most own time, and those of this product with the most time altogether."""
    stats: Any = pstats.Stats(str(path))
    rows = [
        {"what": _name(*where), "calls": calls / count, "own": own * 1e3 / count, "all": whole * 1e3 / count,
         "total": stats.total_tt * 1e3 / count}
        for where, (_, calls, own, whole, _) in stats.stats.items()
    ]  # fmt: skip
    by_own = sorted(rows, key=lambda row: -row["own"])[: MOST // 2]
    ours = [row for row in rows if "strongroom/" in row["what"] and row not in by_own]
    return by_own + sorted(ours, key=lambda row: -row["all"])[: MOST - len(by_own)]


def _name(file: str, line: int, function: str) -> str:
    parts = Path(file).parts[-3:] if "strongroom" in file else Path(file).parts[-2:]
    return f"{'/'.join(parts)}:{line} {function}" if file != "~" else function
