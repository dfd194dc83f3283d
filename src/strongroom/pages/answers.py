"""What a browser's authenticator answered, as a form carries it."""

from __future__ import annotations

from typing import Any, Final

from strongroom.documents.canonical import parse_loose
from strongroom.errors import Denied, InvalidInput

_MOST: Final = 16 * 1024


def read_answer(text: str) -> dict[str, Any]:
    """The answer of `navigator.credentials`; without one, raises Denied session.assertion_missing."""
    if not text:
        raise Denied(
            "session.assertion_missing", "nothing was signed: a session only reads", "sign it with your passkey"
        )
    try:
        return parse_loose(text.encode(), max_bytes=_MOST)
    except (InvalidInput, UnicodeEncodeError):
        raise InvalidInput("webauthn.malformed", "the authenticator's answer cannot be read", "try again") from None
