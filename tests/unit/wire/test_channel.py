"""What one signer seals only the other opens: in that session, direction and place, and from that sender."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from strongroom.errors import Refused
from strongroom.wire.channel import MAX_MESSAGE, Channel, agree
from tests.workspace import seeded

A, B = seeded("a"), seeded("b")
XA, XB = (X25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
WORKSPACE, SESSION = "aa" * 32, "bb" * 32


def public(private: X25519PrivateKey) -> str:
    return private.public_key().public_bytes_raw().hex()


def channel(me: str, **changes: str) -> Channel:
    first = me == "a"
    key, theirs = (A, B.credential) if first else (B, A.credential)
    agreed = agree(XA, public(XB)) if first else agree(XB, public(XA))
    names = ("a", "b") if first else ("b", "a")
    where = {"workspace": WORKSPACE, "session": SESSION, **changes}
    return Channel(where["workspace"], where["session"], key, names, theirs, agreed)


@given(st.binary(max_size=200), st.booleans(), st.integers(0, 1000))
def test_a_message_arrives_as_it_was_sent(message: bytes, broadcast: bool, seq: int) -> None:
    assert channel("b").open(seq, channel("a").seal(seq, broadcast, message)) == (broadcast, message)


def test_the_largest_message_of_the_core_passes() -> None:
    message = bytes(MAX_MESSAGE)
    assert channel("b").open(0, channel("a").seal(0, False, message)) == (False, message)
    with pytest.raises(Refused, match=r"channel\.not_authentic"):
        channel("b").open(0, channel("a").seal(0, False, message + b"\x00"))


@pytest.mark.parametrize("changes", [{"workspace": "cc" * 32}, {"session": "cc" * 32}])
def test_a_message_belongs_to_its_workspace_and_session(changes: dict[str, str]) -> None:
    with pytest.raises(Refused, match=r"channel\.not_authentic"):
        channel("b", **changes).open(0, channel("a").seal(0, False, b"x"))


def test_a_message_belongs_to_its_place_and_direction() -> None:
    sealed = channel("a").seal(0, False, b"x")
    for opener, seq in ((channel("b"), 1), (channel("a"), 0), (channel("b"), -1)):
        with pytest.raises((Refused, OverflowError)):
            opener.open(seq, sealed)


@given(st.binary(max_size=120))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Refused, match=r"channel\.not_authentic"):
        channel("b").open(0, data)


def test_every_bit_counts() -> None:
    sealed = channel("a").seal(0, False, b"message")
    for place in range(len(sealed)):
        broken = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Refused):
            channel("b").open(0, broken)


def test_knowing_the_agreed_key_is_not_enough_without_the_identity() -> None:
    impostor = Channel(WORKSPACE, SESSION, B, ("a", "b"), B.credential, agree(XA, public(XB)))
    with pytest.raises(Refused, match=r"credential\.bad_signature"):
        channel("b").open(0, impostor.seal(0, False, b"x"))


@pytest.mark.parametrize("key", ["", "00" * 32, "01" + "00" * 31, "zz" * 32, "00" * 31])
def test_a_key_of_small_order_or_wrong_length_agrees_with_nothing(key: str) -> None:
    with pytest.raises(Refused, match=r"channel\.exchange_key"):
        agree(XA, key)
