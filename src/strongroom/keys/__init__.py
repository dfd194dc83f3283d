"""The ways to sign; here the threshold keys of the Rust core."""

from __future__ import annotations

from strongroom.keys.threshold import (
    BLAME,
    CoreRefused,
    Keygen,
    KeyInfo,
    Message,
    Outgoing,
    Scheme,
    Session,
    Signature,
    Step,
    Vault,
)

__all__ = [
    "BLAME",
    "CoreRefused",
    "KeyInfo",
    "Keygen",
    "Message",
    "Outgoing",
    "Scheme",
    "Session",
    "Signature",
    "Step",
    "Vault",
]
