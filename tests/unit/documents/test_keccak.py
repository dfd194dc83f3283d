"""Keccak-256 against an independent library."""

from __future__ import annotations

from eth_hash.backends.pycryptodome import keccak256 as reference
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.keccak import keccak256


@given(st.binary(max_size=600))
def test_the_hash_is_that_of_another_library(data: bytes) -> None:
    assert keccak256(data) == reference(data)


def test_the_hash_of_nothing() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
