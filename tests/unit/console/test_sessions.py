"""Sessions and the challenges by which they begin."""

from __future__ import annotations

import pytest

from strongroom.api.app import create_app
from strongroom.console.sessions import IDLE, LONGEST, TO_SIGN_IN, Sessions
from strongroom.errors import Denied, Refused
from tests.unit.api.coordinator import Coordinator
from tests.unit.console.browser import Person
from tests.unit.console.conftest import PASSKEYS, Seconds


def test_a_token_is_the_only_way_to_its_session(seconds: Seconds) -> None:
    """What is kept here does not lead to it; ended, it leads nowhere."""
    sessions = Sessions(seconds)
    first, second = sessions.begin("alice", "k"), sessions.begin("alice", "k")
    assert first != second and sessions.find(first).csrf != sessions.find(second).csrf
    assert first not in repr(vars(sessions))
    sessions.end(first)
    for token in (first, "", first[:-1]):
        with pytest.raises(Denied, match=r"session\.missing"):
            sessions.find(token)
    assert sessions.find(second).person == "alice"


def test_sessions_that_have_ended_are_forgotten(seconds: Seconds) -> None:
    """However many there were."""
    sessions = Sessions(seconds)
    for _ in range(50):
        sessions.begin("alice", "k")
        seconds.now += IDLE
    assert len(vars(sessions)["_sessions"]) == 1
    token = sessions.begin("bob", "k")
    end = seconds.now + LONGEST
    while seconds.now + 60 < end:
        seconds.now += 60
        sessions.find(token)
    seconds.now = end
    with pytest.raises(Denied):
        sessions.find(token)


@pytest.mark.parametrize("made_up", ["", ".", "a.b.c", "1.ab.cd", "\ud7ff", "0." + "0" * 32 + "." + "0" * 64])
def test_a_challenge_is_ours_fresh_and_counts_once(seconds: Seconds, made_up: str) -> None:
    """Nobody makes one up, and none is kept before it is used."""
    sessions = Sessions(seconds)
    good, late = sessions.challenge(), sessions.challenge()
    sessions.spend(good)
    seconds.now += TO_SIGN_IN + 1
    for challenge in (good, late, made_up, Sessions(seconds).challenge()):
        with pytest.raises(Refused, match=r"session\.challenge"):
            sessions.spend(challenge)
    sessions.spend(sessions.challenge())


async def test_behind_a_proxy_the_console_s_name_is_answered(coordinator: Coordinator) -> None:
    """And no other, though the coordinator itself listens on this machine alone."""
    app = create_app(coordinator, clock=lambda: coordinator.log.time, console="https://treasury.example")
    http = Person(app, PASSKEYS["alice"]).http
    page = await http.get("https://treasury.example/console/sign-in")
    assert page.status_code == 200 and "nobody has a passkey" in page.text.lower()
    assert (await http.get("https://evil.example/console/sign-in")).status_code == 400
    assert (await http.get("https://treasury.example/console")).headers["location"].endswith("/console/")
