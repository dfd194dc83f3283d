"""How a stop leaves a person's hands: to the coordinator and every relay at once, or into a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from strongroom.cli.exits import Exit, line
from strongroom.cli.output import emit, say

if TYPE_CHECKING:
    from strongroom.cli.profile import Profile
    from strongroom.documents.envelope import Envelope
    from strongroom.wire.delivery import Delivery, Handed

PATIENCE: Final = 10.0  # s for the coordinator, which may be who is to be stopped

Then = Callable[[], tuple[dict[str, Any], str]]
"""What else is done once a stop is out: fields for the JSON document, and a line for people."""

Relays = Annotated[
    list[str] | None,
    typer.Option("--relay", metavar="HOST:PORT", help="A relay of stops; may be repeated; else the profile's."),
]
Out = Annotated[
    Path | None,
    typer.Option("--file", help="Only write the signed stop, for the directory `stops` of a node's home; offline."),
]


def stop(
    profile: Profile, kind: str, subject: dict[str, Any], done: str, *, relays: list[str] | None, out: Path | None,
    as_json: bool, then: Then | None = None,
) -> None:  # fmt: skip
    """Sign a stop and hand it out; exit code 6 when nobody has it. Raises StrongroomError when all refuse it."""
    from strongroom.cli.signing import signed_stop

    envelope = signed_stop(profile, kind, subject)
    if out is not None:
        return _write(out, envelope, as_json, then)
    from strongroom.cli.trust import known_nodes
    from strongroom.wire.delivery import hand_out

    def log(stop: Envelope) -> dict[str, Any]:
        return profile.client(PATIENCE).post("/v1/statements", {"envelope": stop.to_doc()})[1]

    ca = profile.directory / profile.ca if profile.ca else None
    handed = hand_out(log, relays or profile.stop_relays, ca, envelope, known_nodes(profile))
    return _settle(kind, handed, done, as_json, then)


def _settle(kind: str, handed: Handed, done: str, as_json: bool, then: Then | None) -> None:
    handed.require_heard()
    more, told = then() if then else ({}, "")
    answer, error = handed.answer, handed.error
    status = answer.get("status", "held")
    document = {"kind": kind, "entry": None, "transfer": None, "lacking": "", **answer, "status": status}
    document |= {"coordinator": {"code": error.code, "message": error.message} if error else None}
    relays = [delivery.to_doc() for delivery in handed.deliveries]
    document |= {"held": handed.held, "unproven": handed.unproven, "relays": relays, **more}

    def human() -> None:
        if error is not None:
            say(f"the coordinator has not taken it: {line(error)}", "yellow")
        elif status == "collected":
            say(f"signed, but not yet in the log: {answer.get('lacking')}", "yellow")
            say("the others sign by giving the same command under their own profiles")
        else:
            entry = answer.get("entry")
            say(f"{done} ({'in the log' if entry is None else f'log entry {entry}'})", "green")
        for delivery in handed.deliveries:
            _told(delivery)
        if told:
            say(told)

    emit(document, as_json, human)
    if status == "collected" and not handed.held:
        raise typer.Exit(Exit.WAITING)


def _told(delivery: Delivery) -> None:
    if delivery.held:
        say(f"held by {', '.join(delivery.held)}: it binds them already (relay {delivery.address})", "green")
    if delivery.unproven:
        say(f"held by {', '.join(delivery.unproven)}, as the relay {delivery.address} says", "yellow")
    for node, refusal in delivery.refused.items():
        say(f"{node} does not hold it: {line(refusal)}", "yellow")
    if delivery.silent:
        say(f"no answer yet from {', '.join(delivery.silent)} (relay {delivery.address})", "yellow")
    if delivery.error is not None:
        say(line(delivery.error), "yellow")
    elif not (delivery.held or delivery.unproven or delivery.refused or delivery.silent):
        say(f"no node is connected to the relay {delivery.address}", "yellow")


def _write(out: Path, envelope: Envelope, as_json: bool, then: Then | None) -> None:
    """For when no relay can be reached or trusted: a node takes the file from its home's `stops`."""
    from strongroom.cli.files import write_document

    document = envelope.to_doc()
    write_document(out, document)
    more, told = then() if then else ({}, "")
    said = f"signed; put {out} into the directory `stops` of each node's home: it binds that node at once"

    def human() -> None:
        say(said, "green")
        if told:
            say(told)

    emit({**document, **more}, as_json, human)
