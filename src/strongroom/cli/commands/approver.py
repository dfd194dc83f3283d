"""`strongroom approver …`: a person's own machine, which follows the log itself and believes nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strongroom.cli.commands.stops import Reason, Scope, Target, give
from strongroom.cli.output import Json, brief, emit, example, pairs, say, table
from strongroom.cli.stopping import Out, Relays, stop

if TYPE_CHECKING:
    from strongroom.cli.approving import Machine

app = typer.Typer(
    help="A person's own machine: replays the log itself, shows what is really asked, and signs.", no_args_is_help=True
)

Home = Annotated[Path | None, typer.Option(help="The machine's home, a profile directory; else the chosen profile.")]
Offline = Annotated[bool, typer.Option("--offline", help="Ask nobody: show what was verified before.")]
Name = Annotated[str, typer.Argument(metavar="TRANSFER", help="Its id, or the first six characters of it or more.")]


@app.command(
    epilog=example("strongroom approver init --home ~/strongroom/alice --person alice --workspace 5e0c… --api URL")
)
def init(
    home: Annotated[Path, typer.Option(help="The directory; a profile that is there already is used.")],
    person: Annotated[str, typer.Option(help="Your name in the policy, for a new home.")] = "",
    workspace: Annotated[str, typer.Option(help="The id that workspace create printed; pinned for good.")] = "",
    api: Annotated[str, typer.Option(help="The coordinator's address; nothing that it says is believed.")] = "",
    mirror: Annotated[list[str] | None, typer.Option(help="Another address of the log; may be repeated.")] = None,
    relay: Annotated[list[str] | None, typer.Option(help="HOST:PORT of a relay of stops; may be repeated.")] = None,
    ca: Annotated[str, typer.Option(help="A certificate file to check https by.")] = "",
    page: Annotated[int, typer.Option(help="The port of the page on localhost.")] = 7710,
    max_age: Annotated[int, typer.Option(help="Seconds beyond which what is known is too old to approve by.")] = 120,
    as_json: Json = False,
) -> None:
    """Make the home of this machine: a key for the surface `approver`, the pinned workspace, whom to follow."""
    from strongroom.cli.approver_home import make

    made = make(home, person, workspace, api, tuple(mirror or ()), tuple(relay or ()), ca, page, max_age)

    def human() -> None:
        say(f"{home} follows workspace {made['workspace'][:16]}…", "green")
        pairs((("you are", made["person"]), ("key id", made["key"]), ("page", made["page"])))
        if made["enrolment"]:
            say(f"give {made['enrolment']} to an administrator: strongroom person enrol FILE DRAFT", "dim")

    emit(made, as_json, human)


@app.command(epilog=example("strongroom approver run --home ~/strongroom/alice"))
def run(home: Home = None) -> None:
    """Follow the log, and show on http://localhost:7710 what waits for you; sign there with a passkey."""
    from strongroom.cli.approving import profile_at
    from strongroom.cli.roles import run_approver

    run_approver(profile_at(home))


@app.command(epilog=example("strongroom approver status"))
def status(home: Home = None, offline: Offline = False, as_json: Json = False) -> None:
    """What this machine has verified, how old that is, and which sources cannot be taken at their word."""
    from strongroom.cli.signing import now_ms

    machine = _machine(home, offline, as_json)
    emit(machine.head_document(now_ms()), as_json, machine.say_head)


@app.command("list", epilog=example("strongroom approver list"))
def list_transfers(
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    home: Home = None,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """The transfers that are open, and which of them wait for you."""
    from strongroom.approver.showing import newest_first, row
    from strongroom.cli.signing import now_ms

    machine, now = _machine(home, offline, as_json), now_ms()
    state, person = machine.state, machine.profile.person
    listed = [each for each in newest_first(state) if everything or each.id in state.open]
    rows = [row(state, each, person, now) for each in listed]

    def human() -> None:
        shown = (
            (
                each["id"][:12],
                each["initiator"],
                each["amount"]["text"] if each["operation"] == "transfer" else f"a {each['operation']}",
                each["to"]["wallet"] or brief(each["to"]["address"]),
                "waits for YOU" if each["waits_for_you"] else (each["awaiting"] or {}).get("text") or each["phase"],
            )
            for each in rows
        )
        table(("transfer", "by", "amount", "to", ""), shown, "no transfer is open")
        machine.say_head()

    emit({"head": machine.head_document(now), "transfers": rows}, as_json, human)


@app.command(epilog=example("strongroom approver show 4f1c2a9b77e0"))
def show(transfer: Name, home: Home = None, offline: Offline = False, as_json: Json = False) -> None:
    """One transfer as this machine's own copy of the log has it: whom it pays, by which rule, what it still owes."""
    from strongroom.approver.showing import find, shown
    from strongroom.cli.signing import now_ms

    machine, now = _machine(home, offline, as_json), now_ms()
    document = shown(machine.state, find(machine.state, transfer), machine.profile.person, now)

    def human() -> None:
        _render(document)
        machine.say_head()

    emit({"head": machine.head_document(now), "transfer": document}, as_json, human)


@app.command(epilog=example("strongroom approver approve 4f1c2a9b77e0"))
def approve(
    transfer: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Approve with this machine's key what it has verified itself; refused when what it knows is too old."""
    from strongroom.approver.deeds import approval, would_count
    from strongroom.approver.showing import find, shown
    from strongroom.cli.consent import require_consent
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import now_ms
    from strongroom.documents.statement import sign_statement

    machine, now = _machine(home, False, as_json), now_ms()
    known, person = machine.follower.replica.known, machine.profile.person
    state = known.state
    known.head.require_fresh(now, machine.config.max_age)
    found, key = find(state, transfer), machine.profile.key()
    statement = approval(known, found, person=person, key=key.key_id, now=now)
    if not as_json:
        _render(shown(state, found, person, now))
        machine.say_head()
    require_consent("Approve exactly this?", yes=yes, as_json=as_json)
    envelope = sign_statement(statement, key)
    would_count(state, envelope, found, now)
    answer = machine.profile.client().post("/v1/statements", {"envelope": envelope.to_doc()})[1]
    settle(answer, as_json, f"{person} approved {found.id[:12]}")


@app.command(epilog=example("strongroom approver reject 4f1c2a9b77e0"))
def reject(transfer: Name, home: Home = None, relay: Relays = None, file: Out = None, as_json: Json = False) -> None:
    """Reject a transfer as one of its approvers, by every path at once; nobody is asked first."""
    _end(transfer, "transfer.reject", "rejected", home, relay, file, as_json)


@app.command(epilog=example("strongroom approver cancel 4f1c2a9b77e0"))
def cancel(transfer: Name, home: Home = None, relay: Relays = None, file: Out = None, as_json: Json = False) -> None:
    """Take back a transfer of your own, by every path at once."""
    _end(transfer, "transfer.cancel", "cancelled", home, relay, file, as_json)


@app.command(epilog=example('strongroom approver freeze --scope wallet --target hot-eth --reason "phone stolen"'))
def freeze(
    reason: Reason,
    scope: Scope = "workspace",
    target: Target = "",
    home: Home = None,
    relay: Relays = None,
    file: Out = None,
    as_json: Json = False,
) -> None:
    """Stop transfers at once, by every path; the other stops: strongroom --profile HOME …."""
    from strongroom.cli.approving import profile_at

    give(profile_at(home), reason, scope, target, relay, file, as_json)


def _end(
    transfer: str, kind: str, verb: str, home: Path | None, relay: list[str] | None, file: Path | None, as_json: bool
) -> None:
    from strongroom.approver.showing import find

    machine = _machine(home, True, as_json)
    name = transfer if len(transfer) == 64 else find(machine.state, transfer).id
    done = f"transfer {name[:12]} is {verb}"
    stop(machine.profile, kind, {"transfer": name}, done, relays=relay, out=file, as_json=as_json)


def _machine(home: Path | None, offline: bool, as_json: bool) -> Machine:
    from strongroom.cli.approving import Machine, profile_at

    machine = Machine.at(profile_at(home))
    if not offline:
        machine.look(quiet=as_json)
    return machine


def _render(document: dict[str, Any]) -> None:
    from strongroom.cli.timeline import clock

    to, wallet, amount = document["to"], document["wallet"], document["amount"]
    known = [f"own wallet {to['wallet']}"] if to["wallet"] else [f"listed as {label}" for label in to["listed_as"]]
    others = {"call": "for a contract call", "message": "for a signature of a typed message"}
    asks = others.get(document["operation"], f"to move  {amount['text']}")
    say(f"{document['initiator']} asks {asks}", "bold")
    say(f"  to      {to['address']}  ({', '.join(known) or 'on no list'})", "bold")
    for told in document["does"]:
        say(f"  {told}", "bold")
    say(f"  exactly {amount['base_units']} base units of {document['asset']}")
    say(f"  from    wallet {wallet['name']}, tier {wallet['tier']}")
    say(f"  why     {document['why']}")
    say(f"  until   {clock(document['until'])} UTC")
    say(f"  id      {document['id']}", "dim")
    decision = document["decision"]
    if decision["rule"] is not None:
        say(f"rule '{decision['rule']}': {document['terms']}")
    for given in document["approvals"]:
        counts = "" if given["counts"] else ", which no longer counts"
        say(f"  {given['person']} approved at {clock(given['time'])} UTC{counts}")
    if document["awaiting"] is not None:
        say(f"  {document['awaiting']['text']}", "yellow")
    for payload in document["payloads"]:
        say("authorized payload, decoded here:")
        for told in payload["explained"]:
            say(f"  {told}")
