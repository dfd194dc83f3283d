"""The home of a person's own machine: a profile with a key for the surface `approver`, and whom it follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from strongroom.approver.config import FILE, load_config
from strongroom.cli.files import new_home, replace_text
from strongroom.cli.membership import own_enrolment
from strongroom.cli.profile import Profile, load, require_joined, save
from strongroom.cli.toml import flat
from strongroom.cli.trust import join
from strongroom.documents.credentials import SigningKey, Surface
from strongroom.documents.keyfile import save_key
from strongroom.documents.names import parse_hash, parse_slug
from strongroom.errors import InvalidInput


def make(
    home: Path, person: str, workspace: str, api: str, mirrors: tuple[str, ...], relays: tuple[str, ...], ca: str,
    page: int, max_age: int,
) -> dict[str, Any]:  # fmt: skip
    """Make a home, or make one of a profile; what it is. Raises StrongroomError."""
    fresh = not (home / "profile.toml").exists()
    if fresh:
        if not (person and workspace and api):
            remedy = "give --person, --workspace and --api, or the directory of a profile that has joined"
            raise InvalidInput("approver.new_home", f"{home} is no profile yet", remedy)
        new_home(home)
        save_key(SigningKey.generate(), home / "key.pem")
        save(Profile(home, "", "", parse_slug(person), ""))
    profile = load(home)
    if api:
        profile = replace(profile, api=api, ca=ca or profile.ca, stop_relays=relays or profile.stop_relays)
        join(profile, parse_hash(workspace or profile.workspace))
    profile = require_joined(load(home))
    replace_text(home / FILE, flat({"mirrors": list(mirrors), "page": page, "max_age": max_age}))
    config = load_config(home)
    enrolment = own_enrolment(profile, Surface.APPROVER) if fresh else None
    return {
        "home": str(home),
        "person": profile.person,
        "workspace": profile.workspace,
        "key": profile.key().key_id,
        "page": config.origin,
        "enrolment": str(enrolment) if enrolment else None,
    }
