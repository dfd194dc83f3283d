"""Stops that the coordinator takes reach the relays outside, however late those are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from strongroom.coordinator import onward
from strongroom.coordinator.onward import Onward
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.relay.board import Board
from strongroom.wire.relay import Relay
from strongroom.wire.stops import RELAY
from tests.workspace import Workspace


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onward, "PAUSES", (0.01,) * 500)


async def listening(home: Workspace, workspace: str = "", port: int = 0) -> tuple[Relay, int]:
    """A relay of stops without nodes; it answers guests at once."""
    relay = Relay(home.state.workspace, SigningKey.generate(), dict, lambda line: None, name=RELAY, peer_kinds=())
    board = Board(workspace or home.state.workspace, dict, relay.send, lambda: home.time, lambda line: None)
    relay.house, relay.guests = board, board.ask
    return relay, await relay.listen("127.0.0.1", port)


async def said(lines: list[str], met: Callable[[], object]) -> str:
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110 - lines come from tasks
            await asyncio.sleep(0.005)
    return lines[-1]


def freeze(home: Workspace) -> Envelope:
    subject = {"scope": "workspace", "target": "", "reason": "x"}
    return home.statement("bob", "workspace.freeze", subject, bare=True)


async def test_a_relay_that_comes_late_has_the_stop_all_the_same(quick: None) -> None:
    """What it answered is said, with who holds it."""
    home, lines = Workspace().create(), list[str]()
    relay, port = await listening(home)
    await relay.close()
    passing = Onward([f"127.0.0.1:{port}"], None, dict, lines.append)
    passing.pass_on(freeze(home))
    await asyncio.sleep(0.05)
    assert lines == []
    relay, _ = await listening(home, port=port)
    assert "has it, held by no node yet" in await said(lines, lambda: lines)
    await relay.close()
    await passing.close()


async def test_a_relay_that_refuses_a_stop_is_not_asked_again(quick: None) -> None:
    """One of another workspace does not carry it; the operator reads why."""
    home, lines = Workspace().create(), list[str]()
    relay, port = await listening(home, workspace="ab" * 32)
    passing = Onward([f"127.0.0.1:{port}"], None, dict, lines.append)
    passing.pass_on(freeze(home))
    assert "statement.wrong_kind" in await said(lines, lambda: lines)
    await relay.close()


async def test_it_ends_with_the_coordinator(quick: None) -> None:
    """Nothing is left behind that still waits."""
    passing = Onward(["127.0.0.1:1"], None, dict, lambda line: None)
    passing.pass_on(freeze(Workspace().create()))
    await passing.close()
    assert len(asyncio.all_tasks()) == 1
