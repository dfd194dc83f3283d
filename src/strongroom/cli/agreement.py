"""Agreeing to a draft, offline: what it says is shown, then one statement is written to a file."""

from __future__ import annotations

from pathlib import Path

from strongroom.cli.consent import require_consent
from strongroom.cli.draft import load_draft, summary
from strongroom.cli.files import write_document
from strongroom.cli.genesis import creation_statement
from strongroom.cli.output import emit, pairs, say
from strongroom.documents.credentials import SigningKey


def agree(draft_file: Path, name: str, key: SigningKey, out: Path, *, yes: bool, as_json: bool) -> None:
    """Show the draft, ask, sign it as `name`, write the statement."""
    draft = load_draft(draft_file)
    envelope = creation_statement(draft, name, key)
    if not as_json:
        pairs([*summary(draft["policy"]), ("you sign as", f"{name}, key {key.key_id[:12]}")])
    require_consent("Agree to exactly this policy?", yes=yes, as_json=as_json)
    write_document(out, envelope.to_doc())
    document = {"statement": str(out), "person": name, "key": key.key_id}
    emit(document, as_json, lambda: say(f"signed; give {out} to whoever creates the workspace", "green"))
