"""Drafts of the next policy in which people and keys have come or gone: in a file, for the administrators to sign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from strongroom.cli.files import read_document, replace_document, write_document
from strongroom.cli.profile import Profile
from strongroom.documents.credentials import Credential, Surface
from strongroom.documents.statement import sign_statement
from strongroom.errors import StrongroomError
from strongroom.passkeys.enrolment import Enrolment, enrolment_statement
from strongroom.policy.loader import load_policy
from strongroom.policy.membership import next_version

Change = Callable[[dict[str, Any]], dict[str, Any]]


def redraft(profile: Profile, path: Path, change: Change) -> dict[str, Any]:
    """The draft in the file after the change, written back; a new file begins with the policy in force.

    Raises InvalidInput with the loader's reason when what is left cannot stand; the file is as it was then.
    """
    draft = read_document(path) if path.exists() else next_version(profile.client().get("/v1/policy")["policy"])
    changed = change(draft)
    load_policy(changed)
    replace_document(path, changed)
    return changed


def after_stop(profile: Profile, path: Path | None, change: Change) -> Callable[[], tuple[dict[str, Any], str]]:
    """What a stop is followed by: the draft that makes it lasting, or the reason why there is none yet."""

    def then() -> tuple[dict[str, Any], str]:
        if path is None:
            return {"draft": None}, ""
        try:
            redraft(profile, path, change)
        except StrongroomError as error:
            return {"draft": None, "draft_error": error.code}, f"no draft: {error}"
        return {"draft": str(path)}, f"the draft is {path}: read it with strongroom policy diff, then propose it"

    return then


def own_enrolment(profile: Profile, surface: Surface) -> Path:
    """A new file by which administrators adopt the profile's own key, for the surface that it is used on."""
    key = profile.key()
    credential = Credential(key.credential.public, surface=surface)
    proof = sign_statement(enrolment_statement(profile.person, credential, profile.workspace), key)
    path = profile.directory / f"{profile.person}.enrolment.json"
    write_document(path, Enrolment(profile.person, credential, proof).to_doc())
    return path
