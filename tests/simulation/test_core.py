"""The double of the threshold core obeys the real core's interface and refuses the same misuse with the same code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from strongroom.keys.threshold import CoreRefused, Keygen, Message, Scheme, Signature, Vault
from tests.simulation.core import Core
from tests.unit.keys.group import Wire, generate, run

SESSION, DIGEST = bytes(range(32)), b"\x07" * 32


class Watcher:
    """Remembers who has given away the last round."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, bytes]] = []

    def contributes(self, index: int, session: bytes, digest: bytes, participants: Sequence[int]) -> None:
        self.seen.append((index, digest))


class Parties:
    """Three vaults of one kind with the shares of one key."""

    def __init__(self, vaults: dict[int, Any]) -> None:
        self.vaults = vaults
        sessions = {i: v.keygen(Scheme.ECDSA_DKLS23, bytes(32), i, 3, 2) for i, v in vaults.items()}
        self.keys: dict[int, Keygen] = run(sessions)  # type: ignore[assignment]

    def sign(self, together: Sequence[int] = (1, 2), session: bytes = SESSION, digest: bytes = DIGEST) -> Any:
        return {i: self.vaults[i].sign(self.keys[i].sealed, session, together, digest) for i in together}


@pytest.fixture(scope="module", params=["real", "double"])
def parties(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Parties:
    if request.param == "real":
        group = generate(Scheme.ECDSA_DKLS23, 3, 2, tmp_path_factory.mktemp("vaults"))
        made = Parties.__new__(Parties)
        made.vaults, made.keys = dict(group.vaults), dict(group.keys)
        return made
    return Parties({index: Core(b"\x05" * 32, Watcher()) for index in (1, 2, 3)})


def refusal(action: Callable[[], object]) -> tuple[str, tuple[int, ...]]:
    with pytest.raises(CoreRefused) as refused:
        action()
    return refused.value.code, refused.value.culprits


def test_two_of_three_sign_in_three_rounds_and_announce_what_may_be_a_probe(parties: Parties) -> None:
    sessions = parties.sign()
    announced: list[bool] = [sessions[1].next_step_is_probe]

    def watch(number: int, wire: Wire) -> None:
        announced.append(sessions[1].next_step_is_probe)

    outcomes = run(sessions, watch)
    assert all(isinstance(outcome, Signature) and len(outcome.data) == 64 for outcome in outcomes.values())
    assert announced == [False, True, True, False, False]


def test_an_ended_session_takes_no_step(parties: Parties) -> None:
    sessions = parties.sign()
    run(sessions)
    assert refusal(lambda: sessions[1].step([])) == ("session.finished", ())


@pytest.mark.parametrize("together", [(1,), (1, 2, 3), (1, 1), (2, 1), (2, 3), (1, 4), (0, 1)])
def test_exactly_two_ascending_known_participants_sign(parties: Parties, together: tuple[int, ...]) -> None:
    vault, key = parties.vaults[1], parties.keys[1]
    assert refusal(lambda: vault.sign(key.sealed, SESSION, together, DIGEST))[0] == "session.participants"


def test_the_digest_and_the_epoch_are_the_shares(parties: Parties) -> None:
    vault, key = parties.vaults[1], parties.keys[1]
    assert refusal(lambda: vault.sign(key.sealed, SESSION, (1, 2), b"short"))[0] == "session.digest"
    assert refusal(lambda: vault.sign(key.sealed, SESSION, (1, 2), DIGEST, (), 7))[0] == "key.epoch"
    assert refusal(lambda: vault.refresh(key.sealed, SESSION, 7))[0] == "key.epoch"


def test_a_refresh_keeps_the_key_and_leads_to_the_next_epoch(parties: Parties) -> None:
    vaults, keys = parties.vaults, parties.keys
    made = run({i: vault.refresh(keys[i].sealed, SESSION, 1) for i, vault in vaults.items()})
    fresh = {i: outcome for i, outcome in made.items() if isinstance(outcome, Keygen)}
    assert {outcome.public_key for outcome in fresh.values()} == {keys[1].public_key}
    assert len({outcome.transcript for outcome in fresh.values()}) == 1
    assert fresh[1].transcript != keys[1].transcript
    signed = run({i: vaults[i].sign(fresh[i].sealed, SESSION, (1, 3), DIGEST, (), 1) for i in (1, 3)})
    assert all(isinstance(outcome, Signature) for outcome in signed.values())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda messages: [], "session.count"),
        (lambda messages: [Message(1, m.broadcast, m.data) for m in messages], "session.sender"),
        (lambda messages: [Message(3, m.broadcast, m.data) for m in messages], "session.sender"),
        (lambda messages: [*messages, *messages], "session.duplicate"),
        (lambda messages: [Message(m.sender, m.broadcast, m.data[:5]) for m in messages], "session.malformed"),
    ],
    ids=["nothing", "own name", "a stranger", "twice", "too short"],
)
def test_a_round_that_is_not_complete_and_of_the_peers_ends_the_session(
    parties: Parties, change: Callable[[list[Message]], list[Message]], code: str
) -> None:
    def relay(number: int, wire: Wire) -> None:
        if number == 1:
            wire[2, 1] = change(wire[2, 1])

    outcome = run(parties.sign(), relay)[1]
    assert isinstance(outcome, CoreRefused)
    assert outcome.code == code
    assert not outcome.bars


@pytest.mark.parametrize(("at", "number"), [("session", 1), ("round", 2)])
def test_messages_of_another_session_or_round_are_refused(parties: Parties, at: str, number: int) -> None:
    kept: list[Message] = []

    def keep(seen: int, wire: Wire) -> None:
        if seen == 1:
            kept.extend(wire[2, 1])

    run(parties.sign(session=b"\x01" * 32 if at == "session" else SESSION), keep)

    def replay(seen: int, wire: Wire) -> None:
        if seen == number:
            wire[2, 1] = list(kept)

    outcome = run(parties.sign(), replay)[1]
    assert isinstance(outcome, CoreRefused)
    assert outcome.code == f"session.wrong_{at}"


@pytest.mark.parametrize("number", [1, 2])
def test_a_false_message_where_state_is_reused_is_blamed_on_its_sender(parties: Parties, number: int) -> None:
    def relay(seen: int, wire: Wire) -> None:
        if seen == number:
            wire[2, 1] = [_spoilt(message) for message in wire[2, 1]]

    outcome = run(parties.sign(), relay)[1]
    assert isinstance(outcome, CoreRefused)
    assert (outcome.bars, outcome.culprits) == (True, (2,))


def test_a_false_last_message_bars_nobody(parties: Parties) -> None:
    def relay(seen: int, wire: Wire) -> None:
        if seen == 3:
            wire[2, 1] = [_spoilt(message) for message in wire[2, 1]]

    outcome = run(parties.sign(), relay)[1]
    assert isinstance(outcome, CoreRefused)
    assert not outcome.bars


def test_another_session_of_one_digest_makes_another_signature() -> None:
    watcher = Watcher()
    parties = Parties({index: Core(b"\x05" * 32, watcher) for index in (1, 2, 3)})
    one, other = (run(parties.sign(session=bytes([n]) * 32)) for n in (1, 2))
    assert one[1] == one[2] and one[1] != other[1]
    assert watcher.seen == [(1, DIGEST), (2, DIGEST)] * 2


def _spoilt(message: Message) -> Message:
    data = bytearray(message.data)
    data[-40 if len(data) > 200 else -1] ^= 1
    return Message(message.sender, message.broadcast, bytes(data))


def test_the_real_vault_is_what_the_double_stands_for(tmp_path: Path) -> None:
    public = {name for name in dir(Vault) if not name.startswith("_")} - {"open", "inspect"}
    assert public <= set(dir(Core))
