"""Who is asked to sign: never a barred pair, nobody who would only refuse, and everyone in turn."""

from __future__ import annotations

import asyncio

import pytest

from strongroom.coordinator.peers import Peer
from strongroom.coordinator.sessions import MOST_PROBES, Sessions
from strongroom.custody.state import Bar, ThresholdKey
from strongroom.policy.model import Duty
from strongroom.wire.frame import Frame

NAMES = ("signer-1", "signer-2", "signer-3")
KEY = ThresholdKey("hot", "ecdsa-dkls23", "hot", b"", None, NAMES, 2, 0, "22" * 32)


class Nowhere:
    def send(self, node: str, frame: Frame) -> None:
        """Lost."""


def peers(**sizes: int) -> list[Peer]:
    return [Peer(name, Duty.SIGNER, size=sizes.get(name.replace("-", "_"), 10)) for name in NAMES]


def test_who_lacks_the_entries_is_asked_only_when_nobody_else_is_there() -> None:
    sessions = Sessions(Nowhere())
    late = peers(signer_2=9)
    assert sessions.choose(KEY, late, frozenset(), 10) == ("signer-1", "signer-3")
    assert sessions.choose(KEY, late, frozenset(), 9) == ("signer-1", "signer-2")
    assert sessions.choose(KEY, late[:2], frozenset(), 10) == ("signer-1", "signer-2")


def test_a_failure_weighs_less_than_missing_entries() -> None:
    sessions = Sessions(Nowhere())
    sessions.failed["signer-1"] += 1
    assert sessions.choose(KEY, peers(), frozenset(), 10) == ("signer-2", "signer-3")
    assert sessions.choose(KEY, peers(signer_3=9), frozenset(), 10) == ("signer-1", "signer-2")


def test_a_barred_pair_is_never_chosen() -> None:
    bars = frozenset(Bar("hot", 0, frozenset(pair)) for pair in (("signer-1", "signer-2"), ("signer-1", "signer-3")))
    sessions = Sessions(Nowhere())
    assert sessions.choose(KEY, peers(signer_2=0), bars, 10) == ("signer-2", "signer-3")
    assert sessions.choose(KEY, peers()[:2], bars, 10) is None


async def test_pairs_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.coordinator.sessions.PATIENCE_SECONDS", 30.0)
    sessions, seen = Sessions(Nowhere()), []
    for number in range(6):
        chosen = sessions.choose(KEY, peers(), frozenset(), 10)
        assert chosen is not None
        seen.append(chosen)
        digest = f"{number:064x}"
        run = asyncio.create_task(sessions.run("sign", "t", digest, chosen, {}, lambda signature: None))
        await asyncio.sleep(0)
        sessions.take_signed(chosen[0], "t", digest, bytes(64))
        assert await run == bytes(64)
    assert {pair: seen.count(pair) for pair in seen} == dict.fromkeys(set(seen), 2) and len(set(seen)) == 3


async def test_a_pair_has_fewer_sessions_under_way_than_its_budget_has_left() -> None:
    sessions, pair, tasks = Sessions(Nowhere()), peers()[:2], []
    pair[0].budget = {"hot": {"signer-2": 3}}
    while (chosen := sessions.choose(KEY, pair, frozenset(), 10)) is not None:
        run = sessions.run("sign", "t", f"{len(tasks):064x}", chosen, {}, lambda signature: None)
        tasks.append(asyncio.create_task(run))
        await asyncio.sleep(0)
        assert len(tasks) < 20
    assert 3 + len(tasks) == MOST_PROBES and sessions.busy
    assert sessions.choose(KEY, peers(), frozenset(), 10) not in (None, ("signer-1", "signer-2"))
    sessions.take_signed("signer-1", "t", f"{0:064x}", bytes(64))
    await tasks[0]
    assert sessions.choose(KEY, pair, frozenset(), 10) == ("signer-1", "signer-2")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
