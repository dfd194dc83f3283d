"""Base64: bytes have one text, and every other text is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.documents.base64 import base64url, decode_base64, decode_base64url, encode_base64
from strongroom.errors import InvalidInput


@given(st.binary(max_size=200))
def test_base64_round_trip(data: bytes) -> None:
    assert decode_base64(encode_base64(data)) == data and encode_base64(data).encode() == base64.b64encode(data)


@pytest.mark.parametrize(
    "text", ["YQ", "YQ=", "YQ===", "YR==", "YWJ=", "Y Q==", "YQ==\n", "_-8=", "=", "YQ==YQ==", "é", 1, None]
)
def test_other_spellings_of_base64_are_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"base64\.syntax"):
        decode_base64(text)


@given(st.text("YQRab=+/\n é", max_size=12))
def test_any_text_is_the_one_spelling_or_refused(text: str) -> None:
    try:
        assert encode_base64(decode_base64(text)) == text
    except InvalidInput as error:
        assert error.code == "base64.syntax"


@given(st.binary(max_size=80))
def test_base64url_round_trip(data: bytes) -> None:
    assert base64url(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert decode_base64url(base64url(data)) == data


@pytest.mark.parametrize("text", ["a", "a+b_", "a/b_", "YQ==", "YQ=", "YR", "é", "a b_", "YQ\n"])
def test_other_spellings_of_base64url_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"base64\.syntax"):
        decode_base64url(text)
