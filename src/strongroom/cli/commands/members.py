"""`strongroom person …` and `strongroom service …`: keys of people and programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strongroom.cli.output import Json, emit, example, pairs, say
from strongroom.cli.profile import Profile, joined, save
from strongroom.cli.stopping import Out, Relays, stop

if TYPE_CHECKING:
    from strongroom.documents.credentials import Credential

people = typer.Typer(help="People: make or enrol keys, lost keys, leavers, suspensions.", no_args_is_help=True)
services = typer.Typer(help="Services: make or enrol a key of a program.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name in the policy: a–z, 0–9, '.', '_', '-'.")]
Draft = Annotated[Path, typer.Argument(metavar="DRAFT", help="The draft; begun from the policy in force when new.")]
After = Annotated[Path | None, typer.Option(help="The draft of the next policy to write or to go on with.")]
Groups = Annotated[list[str] | None, typer.Option(help="A group to join; again for each.")]
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


@people.command(epilog=example("strongroom --profile ~/strongroom/dora person prove"))
def prove(as_json: Json = False) -> None:
    """Write the enrolment file of your own profile's key, with its proof, for an administrator."""
    from strongroom.cli.membership import own_enrolment
    from strongroom.documents.credentials import Surface

    profile = joined()
    path, key = own_enrolment(profile, Surface.CONSOLE), profile.key().key_id

    def human() -> None:
        say(f"give {path} to an administrator: strongroom person enrol FILE DRAFT", "green")
        say(f"and read them its key id by voice: {key}", "dim")

    emit({"file": str(path), "person": profile.person, "key_id": key}, as_json, human)


@people.command(epilog=example("strongroom person enrol dora.enrolment.json next.json --group treasury"))
def enrol(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The enrolment file that the person's page has made.")],
    draft: Draft,
    group: Groups = None,
    replaces: Annotated[list[str] | None, typer.Option(help="A key id to take out; again for each.")] = None,
    as_json: Json = False,
) -> None:
    """Put a person's new key into a draft of the next policy, once its proof is found valid for this workspace."""
    from strongroom.cli.files import read_document
    from strongroom.cli.membership import redraft
    from strongroom.passkeys.enrolment import read_enrolment
    from strongroom.policy.membership import with_key, without_keys

    profile = joined()
    found = read_enrolment(read_document(file), profile.workspace)

    def change(policy: dict[str, Any]) -> dict[str, Any]:
        added = with_key(policy, found.person, found.credential, group or ())
        return without_keys(added, found.person, replaces or ())

    redraft(profile, draft, change)
    _drafted(found.person, found.credential, draft, as_json)


@services.command("enrol", epilog=example("strongroom service enrol exchange.json next.json"))
def enrol_service(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The service's credential file.")],
    draft: Draft,
    group: Groups = None,
    as_json: Json = False,
) -> None:
    """Put a service's key into a draft of the next policy."""
    from strongroom.cli.draft import credential
    from strongroom.cli.membership import redraft
    from strongroom.documents.credentials import Credential
    from strongroom.documents.names import parse_slug
    from strongroom.policy.membership import with_key
    from strongroom.policy.model import Role

    found = credential(file)
    name, key = parse_slug(found["name"]), Credential.from_doc(found["key"])
    redraft(joined(), draft, lambda policy: with_key(policy, name, key, group or (), role=Role.SERVICE))
    _drafted(name, key, draft, as_json)


def _drafted(name: str, key: Credential, draft: Path, as_json: bool) -> None:
    bound = "" if not key.passkey else ", cannot leave its device" if key.device_bound else ", may be synced"

    def human() -> None:
        say(f"{name} has the key in {draft}", "green")
        pairs((("key id", key.key_id), ("kind", f"{key.kind}, used on: {key.surface}{bound}")))
        say(f"compare the key id with what {name} sees, by voice; then: strongroom policy diff, propose", "dim")

    document = {"person": name, "key_id": key.key_id, "credential": key.to_doc(), "draft": str(draft)}
    emit({**document, "device_bound": key.device_bound}, as_json, human)


@services.command("token-key", epilog=example("strongroom service token-key exchange public.pem"))
def token_key(
    name: Name,
    public: Annotated[Path, typer.Argument(metavar="PEM", help="The RSA public key of 2048 to 4096 bits.")],
    file: Annotated[Path | None, typer.Option(help="Where the credential file goes; else NAME.json.")] = None,
    as_json: Json = False,
) -> None:
    """Make the credential file of a key that signs requests (RS256), and say what its tokens' `sub` is here."""
    from strongroom.cli.files import write_document
    from strongroom.cli.pem import rsa_credential
    from strongroom.documents.names import parse_slug
    from strongroom.documents.request import client_id

    key, out = rsa_credential(public), file or Path(f"{parse_slug(name)}.json")
    write_document(out, {"name": name, "role": "service", "key": key.to_doc()})
    client = client_id(joined().workspace, key.key_id)
    facts = (("key id", key.key_id), ("client id (sub)", client), ("credential", out))
    emit({"name": name, "key_id": key.key_id, "client_id": client, "file": str(out)}, as_json, lambda: pairs(facts))


@people.command(epilog=example("strongroom person lost bob --key 9c1f… --draft next.json"))
def lost(
    name: Name,
    key: Annotated[str, typer.Option(help="The id of the lost key; left out: suspend the person.")] = "",
    draft: After = None,
    relay: Relays = None,
    file: Out = None,
    as_json: Json = False,
) -> None:
    """Somebody's authenticator is lost or stolen: revoke its key at once, or suspend the person.

    Only they themselves revoke an administrator's key: suspend them; a quorum ends that once they have a new key.
    """
    from strongroom.cli.membership import after_stop
    from strongroom.policy.membership import without_keys

    profile = joined()
    kind, subject, done = "person.suspend", {"person": name}, f"{name} is suspended"
    if key:
        kind, subject, done = "key.revoke", {"key": key}, f"key {key[:12]} of {name} is revoked"
    then = after_stop(profile, draft if key else None, lambda policy: without_keys(policy, name, {key}))
    stop(profile, kind, subject, done, relays=relay, out=file, as_json=as_json, then=then)


@people.command(epilog=example("strongroom person leave bob --draft next.json"))
def leave(name: Name, draft: After = None, relay: Relays = None, file: Out = None, as_json: Json = False) -> None:
    """Somebody leaves: suspend them at once, and draft the policy without them. Takes one administrator."""
    from strongroom.cli.membership import after_stop
    from strongroom.policy.membership import without_person

    profile = joined()
    then = after_stop(profile, draft, lambda policy: without_person(policy, name))
    subject = {"person": name}
    stop(profile, "person.suspend", subject, f"{name} is suspended", relays=relay, out=file, as_json=as_json, then=then)


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
