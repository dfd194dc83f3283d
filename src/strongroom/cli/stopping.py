"""How a stop leaves a person's hands: to the coordinator and every relay at once, or into a file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from strongroom.cli.exits import Exit, line
from strongroom.cli.output import emit, say

if TYPE_CHECKING:
    from strongroom.cli.profile import Profile
    from strongroom.documents.envelope import Envelope
    from strongroom.errors import StrongroomError
    from strongroom.wire.delivery import Delivery

PATIENCE: Final = 10.0  # s for the coordinator, which may be who is to be stopped

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
    as_json: bool,
) -> None:  # fmt: skip
    """Sign a stop and hand it out; exit code 6 when nobody has it. Raises StrongroomError when all refuse it."""
    from strongroom.cli.signing import signed_stop

    envelope = signed_stop(profile, kind, subject)
    if out is not None:
        return _write(out, envelope, as_json)
    from strongroom.cli.trust import known_nodes
    from strongroom.wire.delivery import deliver

    nodes, ca = known_nodes(profile), profile.directory / profile.ca if profile.ca else None
    addresses = list(dict.fromkeys(relays or profile.stop_relays))
    with ThreadPoolExecutor(1 + len(addresses)) as pool:
        logging = pool.submit(_log, profile, envelope)
        deliveries = list(pool.map(lambda address: deliver(address, ca, envelope, nodes), addresses))
        answer, error = logging.result()
    return _settle(kind, answer, error, deliveries, done, as_json)


def _log(profile: Profile, envelope: Envelope) -> tuple[dict[str, Any], StrongroomError | None]:
    """The coordinator's answer, or why there is none."""
    from strongroom.errors import StrongroomError

    try:
        return profile.client(PATIENCE).post("/v1/statements", {"envelope": envelope.to_doc()})[1], None
    except StrongroomError as error:
        return {}, error


def _settle(
    kind: str, answer: dict[str, Any], error: StrongroomError | None, deliveries: list[Delivery], done: str,
    as_json: bool,
) -> None:  # fmt: skip
    from strongroom.errors import Unreachable

    held = sorted({node for delivery in deliveries for node in delivery.held})
    unproven = sorted({node for delivery in deliveries for node in delivery.unproven} - set(held))
    if error is not None and not held and not unproven:
        refusals = [e for d in deliveries for e in (d.error, *d.refused.values()) if e is not None]
        raise next((e for e in (error, *refusals) if not isinstance(e, Unreachable)), error)
    status = answer.get("status", "held")
    document = {"kind": kind, "entry": None, "transfer": None, "lacking": "", **answer, "status": status}
    document |= {"coordinator": {"code": error.code, "message": error.message} if error else None}
    document |= {"held": held, "unproven": unproven, "relays": [delivery.to_doc() for delivery in deliveries]}

    def human() -> None:
        if error is not None:
            say(f"the coordinator has not taken it: {line(error)}", "yellow")
        elif status == "collected":
            say(f"signed, but not yet in the log: {answer.get('lacking')}", "yellow")
            say("the others sign by giving the same command under their own profiles")
        else:
            entry = answer.get("entry")
            say(f"{done} ({'in the log' if entry is None else f'log entry {entry}'})", "green")
        for delivery in deliveries:
            _told(delivery)

    emit(document, as_json, human)
    if status == "collected" and not held:
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


def _write(out: Path, envelope: Envelope, as_json: bool) -> None:
    """For when no relay can be reached or trusted: a node takes the file from its home's `stops`."""
    from strongroom.cli.files import write_document

    document = envelope.to_doc()
    write_document(out, document)
    said = f"signed; put {out} into the directory `stops` of each node's home: it binds that node at once"
    emit(document, as_json, lambda: say(said, "green"))
