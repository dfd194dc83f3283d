"""Statements of the person whose profile is used: made, signed, handed in."""

from __future__ import annotations

import time
from typing import Any, Final

from strongroom.cli.client import Client
from strongroom.cli.profile import Profile
from strongroom.cli.trust import seen_head
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement, sign_statement

HOUR_MS: Final = 3_600_000


def now_ms() -> int:
    """Unix milliseconds of this machine."""
    return time.time_ns() // 1_000_000


def signed(
    profile: Profile,
    client: Client,
    kind: str,
    subject: dict[str, Any],
    *,
    obligations: str | None = None,
    stop: bool = False,
) -> Envelope:
    """A signed statement, valid for an hour."""
    if stop:
        return signed_stop(profile, kind, subject)
    key, seen, not_after = profile.key(), seen_head(client, profile.workspace), now_ms() + HOUR_MS
    statement = Statement(profile.workspace, kind, subject, obligations, seen, profile.person, key.key_id, not_after)
    return sign_statement(statement, key)


def signed_stop(profile: Profile, kind: str, subject: dict[str, Any]) -> Envelope:
    """A signed stop: nobody has to be asked for a head first.

    A stop counts once by its hash; the time in it, which nobody checks, makes the same stop possible again later.
    """
    key = profile.key()
    statement = Statement(profile.workspace, kind, subject, None, None, profile.person, key.key_id, now_ms() + HOUR_MS)
    return sign_statement(statement, key)


def hand_in(
    profile: Profile,
    client: Client,
    kind: str,
    subject: dict[str, Any],
    *,
    obligations: str | None = None,
    stop: bool = False,
    attachment: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Sign and submit; the coordinator's answer: logged, or collected until others have signed the same."""
    envelope = signed(profile, client, kind, subject, obligations=obligations, stop=stop)
    body: dict[str, Any] = {"envelope": envelope.to_doc()}
    if attachment is not None:
        body["attachment"] = attachment
    return client.post("/v1/statements", body)[1]
