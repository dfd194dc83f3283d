"""The first entry of a log, from a draft and the statements of everybody who has to agree to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strongroom.cli.files import read_document
from strongroom.custody.fold import apply
from strongroom.custody.state import EMPTY
from strongroom.documents.credentials import SigningKey
from strongroom.documents.envelope import Envelope
from strongroom.documents.statement import Statement, sign_statement
from strongroom.errors import InvalidInput
from strongroom.log.entry import Entry, new_entry
from strongroom.policy.loader import load_policy


def creation_statement(draft: dict[str, Any], name: str, key: SigningKey) -> Envelope:
    """One administrator's or node's agreement to the whole first policy; raises InvalidInput draft.not_yours."""
    policy = load_policy(draft["policy"])
    if policy.credential(name, key.key_id) is None:
        raise InvalidInput(
            "draft.not_yours",
            f"the draft lists no such key for '{name}'",
            "the draft was made from another credential file: compare key ids",
        )
    subject = {"policy": policy.digest, "salt": draft["salt"]}
    return sign_statement(Statement(None, "workspace.create", subject, None, None, name, key.key_id, None), key)


def read_statements(paths: list[Path]) -> list[Envelope]:
    """The envelopes in statement files."""
    return [Envelope.from_doc(read_document(path)) for path in paths]


def creation_entry(draft: dict[str, Any], statements: list[Envelope], time: int) -> Entry:
    """The creation entry at `time` (unix ms), checked by the fold itself; its leaf is the workspace's id."""
    body = {"policy": draft["policy"], "salt": draft["salt"]}
    entry = new_entry("workspace.created", time, body, statements)
    apply(EMPTY, entry)
    return entry
