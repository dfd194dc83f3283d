"""Who is speaking: a profile directory with the coordinator's address, the pinned workspace and the person's key."""

from __future__ import annotations

import os
import tomllib
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from strongroom.errors import InvalidInput

if TYPE_CHECKING:
    from strongroom.cli.client import Client
    from strongroom.documents.credentials import SigningKey

LAB: Final = Path(".lab")
_chosen: ContextVar[str | None] = ContextVar("profile", default=None)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as it is on disk; `workspace` is empty until it is pinned, `ca` names a certificate file or nothing.

    `stop_relays` are written HOST:PORT.
    """

    directory: Path
    api: str
    workspace: str
    person: str
    ca: str
    stop_relays: tuple[str, ...] = ()

    def key(self) -> SigningKey:
        """The private key, read only when something is signed."""
        from strongroom.documents.credentials import SigningKey

        return SigningKey.load(self.directory / "key.pem")

    def client(self, patience: float = 70) -> Client:
        """A connection to the profile's coordinator, seconds of patience; raises InvalidInput profile.not_joined."""
        from strongroom.cli.client import Client

        if not self.api:
            raise InvalidInput(
                "profile.not_joined",
                f"the profile {self.directory} names no coordinator yet",
                "strongroom workspace join WORKSPACE --api URL",
            )
        return Client(self.api, self.directory / self.ca if self.ca else None, patience)


def choose(name: str | None) -> None:
    """Remember what `--profile` said for this run."""
    _chosen.set(name)


def directory() -> Path:
    """--profile, or STRONGROOM_PROFILE, or the lab's first person in a directory with a lab; raises InvalidInput."""
    named = _chosen.get() or os.environ.get("STRONGROOM_PROFILE")
    if named:
        for path in (Path(named), LAB / "people" / named, LAB / "services" / named):
            if path.is_dir():
                return path
        raise InvalidInput("profile.missing", f"there is no profile {named}", "strongroom person new NAME --dir DIR")
    people = sorted((LAB / "people").glob("*/profile.toml")) if LAB.is_dir() else []
    if people:
        return people[0].parent
    raise InvalidInput("profile.missing", "no profile was named", "give --profile DIR, or set STRONGROOM_PROFILE")


def load(path: Path | None = None) -> Profile:
    """The profile of a directory, or the chosen one; raises InvalidInput profile.*."""
    home = path or directory()
    try:
        document: dict[str, Any] = tomllib.loads((home / "profile.toml").read_text())
    except OSError as error:
        raise InvalidInput(
            "profile.file", f"cannot read {home / 'profile.toml'}: {error.strerror}", "give another --profile"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise InvalidInput("profile.syntax", f"{home / 'profile.toml'} is not TOML") from None
    found = {name: document.get(name, "") for name in ("api", "workspace", "person", "ca")}
    if not all(isinstance(value, str) for value in found.values()) or not found["person"]:
        raise InvalidInput("profile.syntax", f"{home / 'profile.toml'} holds api, workspace and person as strings")
    relays = document.get("stop_relays", [])
    if not isinstance(relays, list) or not all(isinstance(relay, str) for relay in relays):
        raise InvalidInput("profile.syntax", f"stop_relays in {home / 'profile.toml'} is a list of HOST:PORT")
    return Profile(home, **found, stop_relays=tuple(relays))


def joined() -> Profile:
    """The chosen profile with its workspace pinned; raises InvalidInput profile.not_joined."""
    return require_joined(load())


def require_joined(profile: Profile) -> Profile:
    """The profile, which must have pinned its workspace; raises InvalidInput profile.not_joined."""
    if not profile.workspace:
        raise InvalidInput(
            "profile.not_joined",
            f"the profile {profile.directory} has pinned no workspace yet",
            "strongroom workspace join WORKSPACE --api URL",
        )
    return profile


def save(profile: Profile) -> None:
    """Write profile.toml anew."""
    from strongroom.cli.files import replace_text
    from strongroom.cli.toml import flat

    values: dict[str, str | int | list[str]]
    values = {"api": profile.api, "workspace": profile.workspace, "person": profile.person}
    if profile.ca:
        values["ca"] = profile.ca
    if profile.stop_relays:
        values["stop_relays"] = list(profile.stop_relays)
    replace_text(profile.directory / "profile.toml", flat(values))
