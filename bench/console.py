"""Pages of the console over a store with 100,000 transfers, from the request to the last byte."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import replace

from sqlalchemy import insert

from bench.figures import Beside, Goal, Section, figure, middle
from bench.measure import Bench
from strongroom.api.app import create_app
from strongroom.coordinator.archive import Archive
from strongroom.custody.snapshot import plain
from strongroom.custody.state import Phase, Transfer, TransferId
from strongroom.store.database import Database
from strongroom.store.journal import Journal, run_inline
from strongroom.store.lease import acquire
from strongroom.store.records import Records
from strongroom.store.tables import ENDED
from tests.unit.api.coordinator import Coordinator
from tests.unit.console.browser import ORIGIN, Person
from tests.unit.console.conftest import PASSKEYS, policy
from tests.workspace import WEI, Workspace

MILLISECONDS = Goal(500)


class Shop(Coordinator):
    """The coordinator of the surfaces' tests with a real store of ended transfers."""

    def __init__(self, log: Workspace, archive: Archive) -> None:
        super().__init__(log)
        self.archive = archive

    def transfer(self, name: str) -> Transfer:
        return self.archive.find(self.state, name)


def run(bench: Bench) -> Section:
    """How long a person waits for each page."""
    count = bench.sized(100_000, 600)
    database = Database.open(f"sqlite:///{bench.scratch / 'console.db'}")
    try:
        shop = filled(bench, database, count)
        taken = asyncio.run(visited(bench, shop, count))
    finally:
        database.close()
    floor = [Beside("a file of 400 bytes", middle(taken.pop("/static/icon.svg")))]
    names = {
        "/transfers": "the newest transfers",
        f"/transfers?before={count // 2}": "transfers of long ago, from the archive",
        "/transfers?show=open": "those that are open",
        "/": "the inbox of an approver",
        **{path: "one transfer of long ago" for path in taken if path.startswith("/transfers/")},
    }
    return Section(
        "console",
        f"The console over {count:,} transfers",
        tuple(
            figure(names[path], "ms", times, tail=True, goal=MILLISECONDS, beside=floor)
            for path, times in taken.items()
        ),
    )


def filled(bench: Bench, database: Database, count: int) -> Shop:
    """A workspace in which `count` transfers were proposed: a tenth is in the state, some open, the others stored."""
    log = Workspace(policy=policy()).ready()
    name = log.propose(by="carol", amount=str(2 * WEI), why="one of many")
    first = log.state.transfers[name]
    state, rows = log.state, []
    transfers, still_open, proposals = state.transfers.mutate(), state.open.mutate(), state.proposals
    for number in bench.each("transfers", range(count), count):
        name = hashlib.sha256(b"%d" % number).digest()
        proposals = proposals.add(name, hashlib.sha256(name).digest())
        closed = number % 50 != 0 or number < count * 9 // 10
        phase = Phase.COMPLETED if closed else Phase.PROPOSED
        each = replace(first, id=TransferId(name.hex()), proposed=first.proposed + number, phase=phase)
        if number < count * 9 // 10:
            rows.append({"transfer": each.id, "document": json.dumps(plain(each))})
        else:
            transfers[each.id] = each
            if not closed:
                still_open[each.id] = None
    with database.transaction() as connection:
        connection.execute(insert(ENDED), rows)
    log.state = replace(state, transfers=transfers.finish(), open=still_open.finish(), proposals=proposals)
    journal = Journal(database, acquire(database, "bench", "bench", 0, 1), run_inline, lambda error: None)
    return Shop(log, Archive(Records(database, journal)))


async def visited(bench: Bench, shop: Shop, count: int) -> dict[str, list[float]]:
    """Milliseconds of each visit to each page, by its path."""
    person = Person(create_app(shop, clock=lambda: shop.log.time, console=ORIGIN, requests=1e6), PASSKEYS["erin"])
    await person.sign_in()
    old = hashlib.sha256(b"7").hexdigest()
    pages = ("/static/icon.svg", "/transfers", f"/transfers?before={count // 2}", "/transfers?show=open", "/")
    taken: dict[str, list[float]] = {}
    for path in bench.each("pages", (*pages, f"/transfers/{old}"), len(pages) + 1):
        taken[path] = []
        for _ in range(bench.sized(20, 2)):
            begun = time.perf_counter()
            answer = await person.get(path)
            taken[path].append(1000 * (time.perf_counter() - begun))
            if answer.status_code != 200:
                raise AssertionError(f"{path} answers {answer.status_code}")
    return taken
