"""Bytes as text: standard base64 with padding, one spelling for each."""

from __future__ import annotations

import binascii

from strongroom.errors import InvalidInput


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
