"""`strongroom person …` and `strongroom service …`: keys of people and programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strongroom.cli.output import Json, emit, example, pairs, say
from strongroom.cli.profile import Profile, joined, save
from strongroom.cli.stopping import Out, Relays, stop

people = typer.Typer(help="People: make a key, suspend, reinstate, revoke a key.", no_args_is_help=True)
services = typer.Typer(help="Services: make a key for a program.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name in the policy: a–z, 0–9, '.', '_', '-'.")]
Directory = Annotated[Path, typer.Option("--dir", help="The new profile directory.")]


@people.command("new", epilog=example("strongroom person new alice --dir ~/strongroom/alice"))
def new_person(name: Name, directory: Directory, as_json: Json = False) -> None:
    """Make a profile with a key of its own, and the credential file that goes into the policy."""
    _new(name, "person", directory, as_json)


@services.command("new", epilog=example("strongroom service new exchange --dir /etc/exchange/strongroom"))
def new_service(name: Name, directory: Directory, as_json: Json = False) -> None:
    """Make a profile for a program that calls the API."""
    _new(name, "service", directory, as_json)


def _new(name: str, role: str, directory: Path, as_json: bool) -> None:
    from strongroom.cli.files import new_home, write_document
    from strongroom.documents.credentials import SigningKey
    from strongroom.documents.keyfile import save_key
    from strongroom.documents.names import parse_slug

    parse_slug(name)
    new_home(directory)
    key = SigningKey.generate()
    save_key(key, directory / "key.pem")
    save(Profile(directory, "", "", name, ""))
    document = {"name": name, "role": role, "key": key.credential.to_doc()}
    write_document(directory / f"{name}.json", document)

    def human() -> None:
        say(f"made {directory / 'key.pem'}: it is {name}'s alone and never leaves that file", "green")
        pairs((("key id", key.key_id), ("credential", directory / f"{name}.json")))
        say("give the credential file to whoever drafts the policy; it holds no secret", "dim")

    emit({**document, "key_id": key.key_id, "directory": str(directory)}, as_json, human)


@people.command(epilog=example("strongroom person suspend bob"))
def suspend(name: Name, relay: Relays = None, file: Out = None, as_json: Json = False) -> None:
    """Suspend a person or a service at once: takes one administrator."""
    subject = {"person": name}
    stop(joined(), "person.suspend", subject, f"{name} is suspended", relays=relay, out=file, as_json=as_json)


@people.command(epilog=example("strongroom person reinstate bob"))
def reinstate(name: Name, as_json: Json = False) -> None:
    """End a suspension: takes the administrators' threshold; the suspended ones count for this alone."""
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in

    profile = joined()
    answer = hand_in(profile, profile.client(), "person.reinstate", {"person": name})
    settle(answer, as_json, f"{name} is reinstated")


@people.command("revoke-key", epilog=example("strongroom person revoke-key 9c1f…"))
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="A key id; your own when left out.")] = "",
    relay: Relays = None,
    file: Out = None,
    as_json: Json = False,
) -> None:
    """Revoke a credential for good, at once: takes one administrator, or the key itself."""
    profile = joined()
    name = key or profile.key().key_id
    stop(profile, "key.revoke", {"key": name}, f"key {name[:12]} is revoked", relays=relay, out=file, as_json=as_json)
