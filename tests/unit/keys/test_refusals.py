"""What the core refuses, and what of it reaches Python: codes, culprits, and nothing secret."""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.errors import Refused
from strongroom.keys.threshold import BLAME, CoreRefused, Message, Scheme, Signature, Vault
from tests.unit.keys.group import Group, Wire, generate, run

HEADER = 70


def changed(message: Message, at: int) -> Message:
    data = bytearray(message.data)
    data[at] ^= 1
    return Message(message.sender, message.broadcast, bytes(data))


def codes(outcomes: Mapping[int, object]) -> dict[int, str]:
    assert all(isinstance(outcome, CoreRefused) for outcome in outcomes.values()), outcomes
    return {index: outcome.code for index, outcome in outcomes.items() if isinstance(outcome, CoreRefused)}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path)


@pytest.mark.parametrize(("n", "t"), [(3, 1), (2, 2), (4, 3), (0, 0), (255, 2)])
def test_a_key_needs_an_honest_majority(vault: Vault, n: int, t: int) -> None:
    with pytest.raises(CoreRefused) as refused:
        vault.keygen(Scheme.ED25519_FROST, bytes(32), 1, n, t)
    assert refused.value.code == "key.parameters"


@pytest.mark.parametrize(
    ("index", "n", "session_id"), [(256, 3, bytes(32)), (1, 3, bytes(31)), (-1, 3, bytes(32)), (1, 2**40, bytes(32))]
)
def test_arguments_out_of_range_are_refused(vault: Vault, index: int, n: int, session_id: bytes) -> None:
    with pytest.raises(CoreRefused) as refused:
        vault.keygen(Scheme.ED25519_FROST, session_id, index, n, 2)
    assert refused.value.code == "core.argument"


def test_a_refusal_is_a_house_error_and_survives_pickling() -> None:
    refused = pickle.loads(pickle.dumps(CoreRefused(BLAME, "the check failed", (3,))))
    assert isinstance(refused, CoreRefused) and issubclass(CoreRefused, Refused)
    assert (refused.code, refused.culprits, refused.bars) == (BLAME, (3,), True)
    assert not CoreRefused("session.count", "two of three").bars


@pytest.mark.parametrize("scheme", [Scheme.ED25519_FROST, Scheme.BIP340_FROST])
def test_an_equivocated_broadcast_leaves_nobody_with_a_key(scheme: Scheme, tmp_path: Path) -> None:
    vaults = {index: Vault.open(tmp_path / str(index)) for index in (1, 2, 3)}

    def relay(number: int, wire: Wire) -> None:
        if number == 1:
            wire[3, 1] = [changed(message, -1) for message in wire[3, 1]]

    sessions = {i: v.keygen(scheme, bytes(32), i, 3, 2) for i, v in vaults.items()}
    assert set(codes(run(sessions, relay)).values()) == {"session.broadcast_differs"}


def test_a_message_in_the_receivers_own_name_is_refused(two_of_three: dict[Scheme, Group]) -> None:
    for scheme, group in two_of_three.items():

        def relay(number: int, wire: Wire) -> None:
            if number == 1:
                wire[2, 1] = [Message(1, message.broadcast, message.data) for message in wire[1, 2]]

        assert codes(run(group.signers((1, 2), bytes(32)), relay))[1] == "session.sender", scheme


def test_messages_of_another_session_are_refused(two_of_three: dict[Scheme, Group]) -> None:
    for scheme, group in two_of_three.items():
        earlier: list[Message] = []

        def keep(number: int, wire: Wire, earlier: list[Message] = earlier) -> None:
            if number == 1:
                earlier.extend(wire[2, 1])

        def replay(number: int, wire: Wire, earlier: list[Message] = earlier) -> None:
            if number == 1:
                wire[2, 1] = earlier

        run(group.signers((1, 2), bytes(32)), keep)
        assert codes(run(group.signers((1, 2), bytes(32)), replay))[1] == "session.wrong_session", scheme


@pytest.mark.parametrize("number", [1, 2])
def test_a_probe_of_oblivious_transfer_state_is_blamed_after_its_announcement(
    two_of_three: dict[Scheme, Group], number: int
) -> None:
    """The step that can abort with blame says so before it runs."""
    group = two_of_three[Scheme.ECDSA_DKLS23]
    sessions = group.signers((1, 2), bytes(32))
    announced: list[bool] = []

    def relay(round_number: int, wire: Wire) -> None:
        announced.append(sessions[1].next_step_is_probe)
        if round_number == number:
            wire[2, 1] = [changed(message, -40) for message in wire[2, 1]]

    refused = run(sessions, relay)[1]
    assert isinstance(refused, CoreRefused)
    assert (refused.code, refused.culprits, refused.bars) == (BLAME, (2,), True)
    assert announced[number - 1] is True


def test_a_withheld_last_message_blames_nobody(two_of_three: dict[Scheme, Group]) -> None:
    """The silent party may hold the signature: the digest counts as signed, the pair is not barred."""
    for scheme, group in two_of_three.items():
        last = 3 if scheme is Scheme.ECDSA_DKLS23 else 2

        def relay(number: int, wire: Wire, last: int = last) -> None:
            if number == last:
                del wire[2, 1]

        outcomes = run(group.signers((1, 2), bytes(32)), relay)
        refused = outcomes[1]
        assert isinstance(refused, CoreRefused)
        assert (refused.code, refused.culprits) == ("session.count", ())
        assert isinstance(outcomes[2], Signature)


def test_an_ended_session_takes_no_step(two_of_three: dict[Scheme, Group]) -> None:
    for group in two_of_three.values():
        sessions = group.signers((1, 2), bytes(32))
        run(sessions)
        with pytest.raises(CoreRefused) as refused:
            sessions[1].step([])
        assert refused.value.code == "session.finished"
        assert sessions[1].next_step_is_probe is False


@pytest.mark.parametrize("participants", [(1,), (1, 2, 3), (1, 1), (2, 1), (2, 3), (1, 4), (0, 1), (1, 300)])
def test_exactly_t_ascending_known_participants_sign(
    two_of_three: dict[Scheme, Group], participants: tuple[int, ...]
) -> None:
    for group in two_of_three.values():
        with pytest.raises(CoreRefused) as refused:
            group.vaults[1].sign(group.keys[1].sealed, bytes(32), participants, bytes(32))
        assert refused.value.code in ("session.participants", "core.argument")


def test_an_epoch_is_part_of_the_share(tmp_path: Path) -> None:
    group = generate(Scheme.ED25519_FROST, 3, 2, tmp_path, epoch=4)
    sealed = group.keys[1].sealed
    assert group.vaults[1].inspect(sealed).epoch == 4
    with pytest.raises(CoreRefused) as refused:
        group.vaults[1].sign(sealed, bytes(32), (1, 2), bytes(32), epoch=3)
    assert refused.value.code == "key.epoch"


def test_a_share_opens_in_its_own_vault_only(two_of_three: dict[Scheme, Group]) -> None:
    for scheme, group in two_of_three.items():
        info = group.vaults[2].inspect(group.keys[2].sealed)
        assert (info.scheme, info.index, info.n, info.t) == (scheme, 2, 3, 2)
        assert (info.public_key, info.transcript) == (group.key.public_key, group.key.transcript)
        group.vaults[2].forget()
        again = group.vaults[2].inspect(group.keys[2].sealed)
        assert (again.index, again.public_key, again.transcript) == (info.index, info.public_key, info.transcript)
        with pytest.raises(CoreRefused) as refused:
            group.vaults[1].inspect(group.keys[2].sealed)
        assert refused.value.code == "share.tampered"


@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=60)
def test_a_sealed_share_with_one_wrong_bit_opens_nowhere(two_of_three: dict[Scheme, Group], at: int, bit: int) -> None:
    for group in two_of_three.values():
        sealed = bytearray(group.keys[1].sealed)
        sealed[at % len(sealed)] ^= 1 << bit
        with pytest.raises(CoreRefused) as refused:
            group.vaults[1].inspect(bytes(sealed))
        assert refused.value.code == "share.tampered"


@given(data=st.binary(max_size=400), broadcast=st.booleans(), sender=st.integers(0, 300))
def test_any_bytes_end_in_a_code(two_of_three: dict[Scheme, Group], data: bytes, broadcast: bool, sender: int) -> None:
    """I17 for protocol messages: nothing but CoreRefused comes out, whatever goes in."""
    for group in two_of_three.values():
        session = group.signers((1, 2), bytes(32))[1]
        session.step([])
        with pytest.raises(CoreRefused) as refused:
            session.step([Message(sender, broadcast, data)])
        assert refused.value.code.startswith("session.")
        assert refused.value.culprits == ()


@given(number=st.integers(1, 3), at=st.integers(0, 10**6), byte=st.integers(1, 255))
@settings(max_examples=60)
def test_any_changed_byte_ends_in_a_code_and_only_the_culprit_is_named(
    two_of_three: dict[Scheme, Group], number: int, at: int, byte: int
) -> None:
    for group in two_of_three.values():

        def relay(round_number: int, wire: Wire) -> None:
            if round_number == number and (2, 1) in wire:
                (message,) = wire[2, 1]
                data = bytearray(message.data)
                data[at % len(data)] ^= byte
                wire[2, 1] = [Message(2, message.broadcast, bytes(data))]

        outcome = run(group.signers((1, 2), bytes(32)), relay)[1]
        if number == 3 and group.scheme is not Scheme.ECDSA_DKLS23:
            assert isinstance(outcome, Signature)
        else:
            assert isinstance(outcome, CoreRefused)
            assert set(outcome.culprits) <= {2}
            assert not (outcome.bars and number == 3)


def test_refusals_and_reprs_hold_no_share(two_of_three: dict[Scheme, Group], tmp_path: Path) -> None:
    for group in two_of_three.values():
        session = group.signers((1, 2), secrets.token_bytes(32))[1]
        with pytest.raises(CoreRefused) as refused:
            session.step([Message(2, True, bytes(HEADER))])
        assert len(str(refused.value)) < 200
        for thing in (session, group.vaults[1]):
            assert "object at" in repr(thing)


def test_a_seal_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Vault.open(tmp_path)
    key = tmp_path / "seal.key"
    assert (key.stat().st_mode & 0o777, key.stat().st_size) == (0o600, 32)
    key.chmod(0o604)
    with pytest.raises(CoreRefused) as refused:
        Vault.open(tmp_path)
    assert refused.value.code == "vault.key_mode"
