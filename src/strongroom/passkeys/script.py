"""The script that pages load to speak with an authenticator."""

from __future__ import annotations

from pathlib import Path


def passkeys_js() -> bytes:
    """JavaScript without dependencies: a module that exports `register(options)` and `assertion(options)`."""
    return (Path(__file__).with_name("static") / "passkeys.js").read_bytes()
