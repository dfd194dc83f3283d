"""Bytes as text: base64 with padding in documents, base64url without it where browsers and tokens use it."""

from __future__ import annotations

import binascii
from typing import Final

from strongroom.errors import InvalidInput

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = str.maketrans("-_", "+/")


def encode_base64(data: bytes) -> str:
    """Standard alphabet with padding, one line."""
    return binascii.b2a_base64(data, newline=False).decode()


def decode_base64(text: object) -> bytes:
    """The bytes of which this text is the one standard encoding; raises InvalidInput base64.syntax."""
    try:
        if isinstance(text, str):
            data = binascii.a2b_base64(text, strict_mode=True)
            if encode_base64(data) == text:  # also refuses stray bits in the last character
                return data
    except ValueError:
        pass
    raise InvalidInput("base64.syntax", "the text is not padded standard base64")


def base64url(data: bytes) -> str:
    """The URL's alphabet, without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode()


def decode_base64url(text: str) -> bytes:
    """The bytes of which this text is the one encoding by `base64url`; raises InvalidInput base64.syntax."""
    data = decode_base64(text.translate(_FROM_URL) + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise InvalidInput("base64.syntax", "the text is not base64url")
    return data
