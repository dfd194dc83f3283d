"""Both evaluators before the same scenario: the fold's own, on a state made for it, and the auditor's second.

`python -m tests.evaluators --cases 1000000` asks them so often; `--seed N` shows where they differ on one world.
"""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from immutables import Map
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from strongroom.audit.second import facts as second_facts
from strongroom.audit.second.book import Book
from strongroom.audit.second.facts import Facts, Own, Row
from strongroom.audit.second.rules import decide
from strongroom.custody.decision import request_of
from strongroom.custody.intents import barred, parse_intent
from strongroom.custody.limits import debit, resummed, revalued, usage
from strongroom.custody.moment import Moment
from strongroom.custody.state import EMPTY, CustodyState, Listed, Prices, Wallet
from strongroom.documents.names import AccountId, AssetId, ChainId
from strongroom.errors import InvalidInput
from strongroom.policy.evaluate import Allowed, Request, evaluate, exceeded
from tests.policies import Ask, Scenario, Stated, loaded, scenario

ASKS: Final = 25
"""Requests before each seed's world."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an evaluator says: the code of a denial or the digest of what is owed, and the limit that denies."""

    verdict: str
    limit: str


def differences(world: Scenario) -> list[tuple[Ask, Answer, Answer]]:
    """Every request that the two do not answer alike, with what the first and the second say."""
    told = zip(world.asked, first(world), second(world), strict=True)
    return [(ask, one, other) for ask, one, other in told if one != other]


def first(scenario: Scenario) -> list[Answer]:
    """What every replica says."""
    state = _state(scenario)
    for event in scenario.past:
        if not isinstance(event, Ask):
            state = _changed(state, event)
        elif isinstance(request := _request(state, event), Request):
            state = debit(state, event.time, request)
    return [_first(state, ask) for ask in scenario.asked]


def _first(state: CustodyState, ask: Ask) -> Answer:
    assert state.policy
    request, used = _request(state, ask), usage(state, ask.time)
    if isinstance(request, str):
        return Answer(request, "")
    answer, limit = evaluate(state.policy, request, used), exceeded(state.policy, request, used)
    verdict = answer.obligations.digest if isinstance(answer, Allowed) else answer.code
    return Answer(verdict, limit.code if limit else "")


def _request(state: CustodyState, ask: Ask) -> Request | str:
    """What rules are asked about, or the code that bars it before; a message of other values is never read."""
    moment = Moment.at(ask.time, ask.clock)
    try:
        intent = parse_intent(ask.intent, state)
    except InvalidInput:
        return "message.unknown_type"
    denied = barred(state, intent, moment)
    return denied.code if denied else request_of(state, intent, ask.initiator, moment, ask.fee)


def _changed(state: CustodyState, event: dict[str, Any] | Stated) -> CustodyState:
    if isinstance(event, Stated):
        assert state.policy
        prices = Prices(event.observed, Map({AssetId(asset): int(price) for asset, price in event.prices.items()}))
        return replace(state if state.prices else revalued(state, state.policy, prices), prices=prices)
    policy = loaded(event)
    assert policy
    return replace(state, policy=policy, windows=resummed(state, policy))


def _state(scenario: Scenario) -> CustodyState:
    wallets, listed = scenario.wallets, scenario.listed
    return replace(
        EMPTY,
        wallets=Map({w.name: Wallet(w.name, ChainId(w.chain), w.key, (), w.tier, w.address, w.usable, 0, w.closed)
                     for w in wallets}),
        accounts=Map({AccountId(wallet.account): wallet.name for wallet in wallets}),
        addresses=Map({(AccountId(row.account), row.list):
            Listed(AccountId(row.account), row.list, "", row.usable, frozenset(row.tags)) for row in listed}),
    )  # fmt: skip


def second(scenario: Scenario) -> list[Answer]:
    """What the auditor says."""
    return list(_second(scenario))


def _second(scenario: Scenario) -> Iterator[Answer]:
    wallets = {w.name: Own(w.name, w.chain, w.account, w.tier, w.key, w.usable, w.closed) for w in scenario.wallets}
    own = {wallet.account: wallet for wallet in wallets.values()}.get
    rows: dict[str, list[Row]] = {}
    for row in scenario.listed:
        rows.setdefault(row.account, []).append(Row(row.list, row.usable, frozenset(row.tags)))
    book, policy = Book(), dict[str, Any]()

    def facts(ask: Ask) -> Facts:
        wallet = wallets[ask.intent["from"]]
        listed = lambda account: rows.get(account, ())  # noqa: E731
        return Facts(ask.intent, ask.initiator, wallet, ask.time, ask.clock, ask.fee, own, listed, book.prices)

    for event in scenario.past:
        if isinstance(event, Stated):
            prices = {asset: int(price) for asset, price in event.prices.items()}
            book.state(policy, second_facts.Prices(prices, event.observed), own)
        elif isinstance(event, Ask):
            taken = decide(policy, facts(event), book.history).debit
            if taken is not None:
                book.history.add(taken)
        else:
            policy = event
    for ask in scenario.asked:
        opinion = decide(policy, facts(ask), book.history)
        yield Answer(opinion.digest or opinion.code, opinion.limit)


def main() -> int:
    """Ask both and end with 1 when they differ, with the seeds that show it."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluators", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="requests to decide (1,000,000)")
    parser.add_argument("--first", type=int, help="the first seed (default: one by chance)")
    parser.add_argument("--seed", type=int, help="show where the two differ before one seed's world")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes (one a core)")
    asked = parser.parse_args()
    if asked.seed is not None:
        found = differences(scenario(Random(asked.seed), ASKS))
        for request, one, other in found:
            print(f"{request}\n  the first says  {one}\n  the second says {other}")
        return 1 if found else 0
    begin = secrets.randbelow(2**48) if asked.first is None else asked.first
    seeds = range(begin, begin + -(-asked.cases // ASKS))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bad: list[int] = []
    with ProcessPoolExecutor(asked.jobs) as pool, Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("requests before two evaluators", total=len(seeds) * ASKS)
        for seed, count in zip(seeds, pool.map(_differing, seeds, chunksize=20), strict=True):
            bar.advance(task, ASKS)
            if count:
                bad.append(seed)
                bar.console.print(f"they differ: python -m tests.evaluators --seed {seed}", markup=False)
    print(f"{len(seeds) * ASKS} requests from seed {begin} on: {len(bad)} worlds in which the evaluators differ")
    return 1 if bad else 0


def _differing(seed: int) -> int:
    return len(differences(scenario(Random(seed), ASKS)))


if __name__ == "__main__":
    raise SystemExit(main())
