"""The versions of the policy: the one in force, the next one proposed, adopted or withdrawn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from strongroom.cli.output import Json, emit, say
from strongroom.cli.profile import joined, load

File = Annotated[Path, typer.Argument(metavar="FILE", help="A whole policy in JSON or TOML.")]


def show(as_json: Json = False) -> None:
    """The policy in force; with --json the whole document, ready to be edited and proposed."""
    from strongroom.cli.telling import tell

    found = load().client().get("/v1/policy")

    def human() -> None:
        tell(found["policy"])
        for stopped in ("suspended", "revoked"):
            if found[stopped]:
                say(f"{stopped}: {', '.join(found[stopped])}", "yellow")

    emit(found["policy"], as_json, human)


def propose(file: File, as_json: Json = False) -> None:
    """Sign a next version, once it was said what changes; takes the threshold of the old one and of the new one."""
    from strongroom.cli.files import read_document
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in
    from strongroom.cli.telling import tell_changes
    from strongroom.policy.difference import difference
    from strongroom.policy.loader import load_policy

    profile = joined()
    client, document = profile.client(), read_document(file)
    policy = load_policy(document)
    if not as_json:
        tell_changes(difference(client.get("/v1/policy")["policy"], document))
    subject = {"policy": policy.digest, "version": policy.version}
    answer = hand_in(profile, client, "policy.propose", subject, attachment=document)
    settle(answer, as_json, f"version {policy.version} is proposed; see: strongroom policy adopt")


def adopt(as_json: Json = False) -> None:
    """When the proposed version comes into force: the coordinator adopts it by itself after the cool-down."""
    from strongroom.cli.timeline import day

    found = load().client().get("/v1/policy")
    proposal: dict[str, Any] | None = found["proposal"]
    answer: dict[str, Any] = {"version": found["version"], "proposal": None}
    if proposal:
        answer["proposal"] = {name: proposal[name] for name in ("version", "digest", "adoptable")}

    def human() -> None:
        say(f"version {found['version']} is in force ({found['digest'][:12]})")
        if proposal:
            until = day(proposal["adoptable"])
            say(f"version {proposal['version']} ({proposal['digest'][:12]}) waits out its cool-down until {until}")
        else:
            say("no other version is proposed", "dim")

    emit(answer, as_json, human)


def withdraw(as_json: Json = False) -> None:
    """End the open proposal: takes as many administrators as could have blocked it."""
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in
    from strongroom.errors import InvalidInput

    profile = joined()
    client = profile.client()
    proposal = client.get("/v1/policy")["proposal"]
    if proposal is None:
        raise InvalidInput("policy.no_proposal", "no other version is proposed")
    answer = hand_in(profile, client, "policy.withdraw", {"version": proposal["version"]}, stop=True)
    settle(answer, as_json, f"version {proposal['version']} is withdrawn")
