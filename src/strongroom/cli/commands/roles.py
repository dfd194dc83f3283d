"""`strongroom serve`, `coordinator`, `signer` and `guardian`: the roles, run in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strongroom.cli.output import Json, emit, example, pairs, say

signer = typer.Typer(help="A signer node: make its home, agree to a workspace, run.", no_args_is_help=True)
guardian = typer.Typer(help="A guardian, a witness without a share: the same.", no_args_is_help=True)
coordinator = typer.Typer(help="The coordinator's home.", no_args_is_help=True)
relays = typer.Typer(help="A relay of stops, outside the coordinator: make its home, run.", no_args_is_help=True)

Home = Annotated[Path, typer.Option(help="The node's home directory.")]
NewHome = Annotated[Path, typer.Option(help="The home directory to make.")]
Name = Annotated[str, typer.Option(help="Its name in the policy.")]
Place = Annotated[str, typer.Option(help="Stated in the policy, and read by people.")]
Draft = Annotated[Path, typer.Argument(metavar="DRAFT", help="The file that workspace init wrote.")]
Out = Annotated[Path | None, typer.Option(help="Where the statement goes.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Workspace = Annotated[str, typer.Option(help="The id that workspace create printed; needed the first time.")]
Joined = Annotated[str, typer.Option("--workspace", help="The id, from an administrator.")]
Relay = Annotated[str, typer.Option(help="HOST:PORT of the coordinator's relay; needed the first time.")]
StopRelay = Annotated[
    list[Path] | None, typer.Option(help="What `relay init` wrote: a relay to dial from now on; may be repeated.")
]

_INIT = "--provider p --region r --jurisdiction j --site s"


@signer.command("init", epilog=example(f"strongroom signer init --home /var/lib/signer-1 --name signer-1 {_INIT}"))
def init_signer(
    home: NewHome,
    name: Name,
    provider: Place,
    region: Place,
    jurisdiction: Place,
    site: Place,
    as_json: Json = False,
) -> None:
    """Make a signer's home with its identity key; prints the credential document for the draft."""
    _init(home, name, "signer", (provider, region, jurisdiction, site), as_json)


@guardian.command(
    "init", epilog=example(f"strongroom guardian init --home /var/lib/guardian-1 --name guardian-1 {_INIT}")
)
def init_guardian(
    home: NewHome,
    name: Name,
    provider: Place,
    region: Place,
    jurisdiction: Place,
    site: Place,
    as_json: Json = False,
) -> None:
    """Make a guardian's home with its identity key; prints the credential document for the draft."""
    _init(home, name, "guardian", (provider, region, jurisdiction, site), as_json)


@signer.command("enrol", epilog=example("strongroom signer enrol --home /var/lib/signer-1 draft.json"))
def enrol_signer(home: Home, draft: Draft, out: Out = None, yes: Yes = False, as_json: Json = False) -> None:
    """Agree to a draft as this signer: shows what it would join, writes a statement file; offline."""
    _enrol(home, draft, out, yes, as_json)


@guardian.command("enrol", epilog=example("strongroom guardian enrol --home /var/lib/guardian-1 draft.json"))
def enrol_guardian(home: Home, draft: Draft, out: Out = None, yes: Yes = False, as_json: Json = False) -> None:
    """Agree to a draft as this guardian: shows what it would join, writes a statement file; offline."""
    _enrol(home, draft, out, yes, as_json)


@signer.command("join", epilog=example("strongroom signer join --home /var/lib/signer-4 --workspace 5e0c…"))
def join_signer(home: Home, workspace: Joined, out: Out = None, as_json: Json = False) -> None:
    """State, with this signer's key, that it joins a workspace that exists: for `node enrol`; offline."""
    _join(home, workspace, out, as_json)


@guardian.command("join", epilog=example("strongroom guardian join --home /var/lib/guardian-2 --workspace 5e0c…"))
def join_guardian(home: Home, workspace: Joined, out: Out = None, as_json: Json = False) -> None:
    """State, with this guardian's key, that it joins a workspace that exists: for `node enrol`; offline."""
    _join(home, workspace, out, as_json)


@signer.command(
    "run", epilog=example("strongroom signer run --home /var/lib/signer-1 --workspace 5e0c… --relay 127.0.0.1:7701")
)
def run_signer(home: Home, workspace: Workspace = "", relay: Relay = "", stop_relay: StopRelay = None) -> None:
    """Run the signer in the foreground; it dials out and listens on nothing."""
    _run(home, workspace, relay, stop_relay)


@guardian.command(
    "run", epilog=example("strongroom guardian run --home /var/lib/guardian-1 --workspace 5e0c… --relay 127.0.0.1:7701")
)
def run_guardian(home: Home, workspace: Workspace = "", relay: Relay = "", stop_relay: StopRelay = None) -> None:
    """Run the guardian in the foreground; it dials out and listens on nothing."""
    _run(home, workspace, relay, stop_relay)


@signer.command("show", epilog=example("strongroom signer show --home /var/lib/signer-1"))
def show_signer(home: Home, as_json: Json = False) -> None:
    """What the home says: name, key id, pinned workspace."""
    _show(home, as_json)


@guardian.command("show", epilog=example("strongroom guardian show --home /var/lib/guardian-1"))
def show_guardian(home: Home, as_json: Json = False) -> None:
    """What the home says: name, key id, pinned workspace."""
    _show(home, as_json)


@coordinator.command(
    "init",
    epilog=example("strongroom coordinator init --home /var/lib/strongroom --chain eip155:1=http://127.0.0.1:8545"),
)
def init_coordinator(
    home: NewHome,
    api: Annotated[str, typer.Option(help="Where the API listens.")] = "127.0.0.1:7700",
    relay: Annotated[str, typer.Option(help="Where the relay listens for nodes.")] = "127.0.0.1:7701",
    console: Annotated[str, typer.Option(help="Where people find the console: https://… or http://localhost.")] = "",
    chain: Annotated[list[str] | None, typer.Option(help="CAIP-2=URL of a blockchain node; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Make the coordinator's home with the log's key; prints the credential document for the draft."""
    from strongroom.cli.homes import chains_of, new_coordinator
    from strongroom.documents.credentials import SigningKey

    document = new_coordinator(home, api, relay, chains_of(chain or ()), SigningKey.generate(), console)
    emit(document, as_json, lambda: _made(home, document, "coordinator.json"))


@relays.command(
    "init", epilog=example("strongroom relay init --home /var/lib/relay --workspace 5e0c… --api http://127.0.0.1:7700")
)
def init_relay(
    home: NewHome,
    workspace: Annotated[str, typer.Option(help="The id that workspace create printed.")],
    api: Annotated[str, typer.Option(help="The coordinator, which shows the workspace's first entry.")] = "",
    genesis: Annotated[Path | None, typer.Option(help="Or that entry as a file: genesis.json of a profile.")] = None,
    listen: Annotated[str, typer.Option(help="Where nodes and people dial it.")] = "127.0.0.1:7702",
    address: Annotated[str, typer.Option(help="HOST:PORT as others reach it, when that is another.")] = "",
    ca: Annotated[Path | None, typer.Option(help="A certificate file to check https by.")] = None,
    as_json: Json = False,
) -> None:
    """Make the home of a relay that admits the nodes of the first entry; further ones by a file in `nodes`."""
    from strongroom.cli.client import Client
    from strongroom.cli.homes import new_relay
    from strongroom.cli.trust import first_entry, read_first_entry
    from strongroom.documents.names import parse_hash
    from strongroom.errors import InvalidInput

    pinned = parse_hash(workspace)
    if (genesis is None) == (not api):
        raise InvalidInput("relay.genesis", "the workspace's first entry comes from --api URL, or from --genesis FILE")
    entry = first_entry(Client(api, ca), pinned) if genesis is None else read_first_entry(genesis, pinned)
    document = new_relay(home, entry, listen, address)

    def human() -> None:
        _made(home, dict(document), "relay.json", "every node: signer run --stop-relay FILE")
        say(f"people name its address: strongroom workspace join … --relay {document['address']}", "dim")

    emit(document, as_json, human)


@relays.command("run", epilog=example("strongroom relay run --home /var/lib/relay"))
def run_relay(home: Annotated[Path, typer.Option(help="The relay's home directory.")]) -> None:
    """Run the relay in the foreground; it carries stops between people and nodes, and nothing else."""
    from strongroom.cli.roles import run_relay

    run_relay(home)


def serve(home: Annotated[Path, typer.Option(help="The coordinator's home directory.")]) -> None:
    """Run the coordinator in the foreground: API, log sequencer, relay, planners."""
    from strongroom.cli.roles import run_coordinator

    run_coordinator(home)


def register(app: typer.Typer) -> None:
    """The groups and `serve` at the top level."""
    app.command("serve", epilog=example("strongroom serve --home /var/lib/strongroom"))(serve)
    app.add_typer(coordinator, name="coordinator")
    app.add_typer(relays, name="relay")
    app.add_typer(signer, name="signer")
    app.add_typer(guardian, name="guardian")


def _init(home: Path, name: str, duty: str, place: tuple[str, str, str, str], as_json: bool) -> None:
    from strongroom.cli.homes import new_node
    from strongroom.policy.loader import PLACEMENT

    document = new_node(home, name, duty, dict(zip(PLACEMENT, place, strict=True)))
    emit(document, as_json, lambda: _made(home, document, f"{name}.json"))


def _made(home: Path, document: dict[str, object], file: str, to: str = "whoever drafts the policy") -> None:
    import json

    say(f"made {home}; the key in it never leaves it", "green")
    typer.echo(json.dumps(document, indent=2))
    say(f"give {home / file} to {to}; it holds no secret", "dim")


def _enrol(home: Path, draft: Path, out: Path | None, yes: bool, as_json: bool) -> None:
    from strongroom.cli.agreement import agree
    from strongroom.cli.homes import node_settings
    from strongroom.documents.credentials import SigningKey

    name = node_settings(home).get("name", "")
    key = SigningKey.load(home / "node.key")
    target = out or Path(f"{name}.statement.json")
    agree(draft, name, key, target, yes=yes, as_json=as_json)


def _join(home: Path, workspace: str, out: Path | None, as_json: bool) -> None:
    from strongroom.cli.files import read_document, write_document
    from strongroom.cli.homes import node_settings
    from strongroom.documents.credentials import SigningKey
    from strongroom.documents.names import parse_hash
    from strongroom.documents.statement import Statement, sign_statement

    name, key = node_settings(home).get("name", ""), SigningKey.load(home / "node.key")
    spec = read_document(home / f"{name}.json")
    statement = Statement(parse_hash(workspace), "signer.join", spec, None, None, name, key.key_id, None)
    target = out or Path(f"{name}.join.json")
    document = sign_statement(statement, key).to_doc()
    write_document(target, document)
    emit(document, as_json, lambda: say(f"signed; give {target} to an administrator: strongroom node enrol", "green"))


def _run(home: Path, workspace: str, relay: str, stop_relays: list[Path] | None) -> None:
    from strongroom.cli.homes import pin_node
    from strongroom.cli.roles import run_node

    pin_node(home, workspace, relay, stop_relays or [])
    run_node(home)


def _show(home: Path, as_json: bool) -> None:
    from strongroom.cli.homes import node_settings
    from strongroom.documents.credentials import SigningKey

    settings = node_settings(home)
    document = {**settings, "key_id": SigningKey.load(home / "node.key").key_id}
    document["workspace"] = document.get("workspace") or ""
    shown = {**document, "stop_relays": ", ".join(row["address"] for row in document["stop_relays"])}
    emit(document, as_json, lambda: pairs((k, v or "not pinned yet") for k, v in shown.items()))
