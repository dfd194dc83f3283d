"""Whole transfers through a running lab: from the integrator's call until the chain's node knows the transaction."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from typing import Any, Final

from bench.figures import Beside, Figure, Goal, Section, figure, middle
from bench.lab import Lab
from bench.measure import Bench
from bench.stages import STAGES, by_name, cut
from bench.withdrawals import Customer, Transfer, one_by_one, sustained

AT_ONCE: Final = 16
DELAY_MS: Final = 40


def run(bench: Bench) -> Section:
    """Latency, throughput, processor time, stages, and the same behind a long link, in a lab of its own."""
    details: dict[str, Any] = {}
    with Lab(bench) as lab:
        first = _first(bench, lab)
        figures = [*_sequential(bench, lab, details), *_sustained(bench, lab, details)]
        figures += _stages(bench, lab, details)
        figures.append(_refresh(bench, lab))
        bench.progress(f"the relay {DELAY_MS} ms away")
        lab.lengthen(DELAY_MS)
        figures.append(_far(bench, lab))
    figures.append(first)
    return Section(
        "transfers",
        "ETH transfers through coordinator, three signers, guardian and chain, each a process",
        tuple(figures),
        (
            "From the signed POST until eth_getTransactionByHash finds it; the customer, the node and every role share "
            "this machine.",
        ),
        details,
    )


def _as_customer(lab: Lab, work: Callable[[Customer], Any]) -> Any:
    async def act() -> Any:
        async with Customer(lab.service, lab.settings.api, lab.settings.node_url) as customer:
            return await work(customer)

    return asyncio.run(act())


def _series(bench: Bench, lab: Lab, what: str, count: int) -> list[Transfer]:
    done: list[Transfer] = _as_customer(
        lab, lambda customer: one_by_one(customer, count, lambda items: bench.each(what, items, count))
    )
    return done


def _first(bench: Bench, lab: Lab) -> Figure:
    _series(bench, lab, "the first transfer", 1)
    seconds = time.perf_counter() - lab.started
    note = f"roles up {lab.seconds_up:.1f} s, key {lab.seconds_to_key - lab.seconds_up:.1f} s"
    return Figure("an empty directory to the first transaction hash", "s", seconds, 1, note=note)


def _sequential(bench: Bench, lab: Lab, details: dict[str, Any]) -> list[Figure]:
    _series(bench, lab, "warming up", bench.sized(20, 1))
    meter, count = lab.meter(), bench.sized(500, 3)
    done = _series(bench, lab, "one after another", count)
    used = {role: seconds * 1e3 / count for role, seconds in meter.read().items()}
    details["cpu_ms_per_transfer_one_by_one"] = used
    visible, floor = [each.visible * 1e3 for each in done], _plain(lab, bench.sized(100, 3))
    return [
        figure("call to visible in the node", "ms", visible, tail=True, goal=Goal(50, of_p99=150),
               beside=[Beside("the node's own account, without custody", floor)], note="one after another"),
        figure("call to answer", "ms", [each.answered * 1e3 for each in done], tail=True,
               note="the proposal is durable in the coordinator's log"),
        _cpu("CPU a transfer, one after another", used, count),
    ]  # fmt: skip


def _plain(lab: Lab, count: int) -> float:
    async def work(customer: Customer) -> list[float]:
        return [await customer.plain() for _ in range(count)]

    return middle(_as_customer(lab, work)) * 1e3


def _sustained(bench: Bench, lab: Lab, details: dict[str, Any]) -> list[Figure]:
    seconds = bench.sized(60, 2)
    meter = lab.meter()

    def tell(done: int, total: int) -> None:
        bench.progress(f"{AT_ONCE} at once, seconds", done, total)

    began = time.perf_counter()
    rate, done = _as_customer(lab, lambda customer: sustained(customer, seconds, AT_ONCE, tell))
    all_cores = (time.perf_counter() - began) * (os.cpu_count() or 1)
    used = {role: spent * 1e3 / len(done) for role, spent in meter.read().items()}
    details["cpu_ms_per_transfer_sustained"] = used
    return [
        Figure(f"sustained for {seconds} s, {AT_ONCE} at once", "1/s", rate, len(done), goal=Goal(40, up=True),
               note=f"roles and chain used {sum(used.values()) * len(done) / 1e3 / all_cores:.0%} of the machine"),
        figure("call to visible meanwhile", "ms", [each.visible * 1e3 for each in done], tail=True),
        _cpu("CPU a transfer, sustained", used, len(done)),
    ]  # fmt: skip


def _cpu(name: str, used: dict[str, float], count: int) -> Figure:
    parts = ", ".join(f"{role} {ms:.1f}" for role, ms in sorted(used.items()))
    return Figure(name, "ms", sum(used.values()), count, note=parts)


def _stages(bench: Bench, lab: Lab, details: dict[str, Any]) -> list[Figure]:
    lab.observe("trace", ("coordinator",))
    _series(bench, lab, "warming up", bench.sized(10, 1))
    done = _series(bench, lab, "stage by stage", bench.sized(200, 3))
    noted = json.loads(lab.collect("trace", "coordinator").read_text(encoding="utf-8"))
    lab.start("coordinator")
    moments = by_name([(at, name) for at, name in noted])
    cuts = [
        found
        for each in done
        if (found := cut(moments, int(each.began * 1e9), int((each.began + each.visible) * 1e9))) is not None
    ]
    details["stages_told_apart"] = [len(cuts), len(done)]
    return [
        figure(f"stage {number}: {name}", "ms", samples, tail=True)
        for number, ((name, _), samples) in enumerate(zip(STAGES, zip(*cuts, strict=True), strict=False), 1)
    ]


def _refresh(bench: Bench, lab: Lab) -> Figure:
    count, walls, api, alice = bench.sized(7, 1), [], lab.actions.api, lab.actions.member("alice")
    for _ in bench.each("refreshes of the key", range(count), count):
        (key,) = api.get("/v1/keys")["keys"]
        began = time.perf_counter()
        alice.state("key.refresh", {"key": key["name"], "epoch": key["epoch"] + 1})
        while api.get("/v1/keys")["keys"][0]["epoch"] == key["epoch"]:
            time.sleep(0.01)
        walls.append(time.perf_counter() - began)
        _series(bench, lab, "a transfer in the new epoch", 1)
    return figure(
        "refresh of the 2-of-3 key", "s", walls, goal=Goal(5), note="from an administrator's word to its next epoch"
    )


def _far(bench: Bench, lab: Lab) -> Figure:
    _series(bench, lab, "warming up far away", bench.sized(3, 1))
    done = _series(bench, lab, f"{DELAY_MS} ms each way", bench.sized(50, 2))
    return figure(
        f"call to visible, {DELAY_MS} ms each way between relay and nodes", "ms",
        [each.visible * 1e3 for each in done], tail=True, goal=Goal(800),
    )  # fmt: skip
