"""`strongroom workspace …`: draft the first policy, agree to it, create, join, look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strongroom.cli.output import Json, emit, example, pairs, say
from strongroom.cli.profile import joined, load

app = typer.Typer(help="A workspace: init, sign, create, join, show.", no_args_is_help=True)

Draft = Annotated[Path, typer.Argument(metavar="DRAFT", help="The file that workspace init wrote.")]


@app.command(epilog=example("strongroom workspace init --from policy.toml --out draft.json"))
def init(
    source: Annotated[Path | None, typer.Option("--from", help="A policy in TOML or JSON; asks when left out.")] = None,
    template: Annotated[str, typer.Option(help="Without --from: exchange, fintech, fund, dao or solo.")] = "",
    out: Annotated[Path, typer.Option(help="Where the draft goes.")] = Path("draft.json"),
    as_json: Json = False,
) -> None:
    """Draft the first policy, from a file or by answering questions; nothing is in force until all have signed."""
    from strongroom.cli.draft import base_of, draft_of, from_file, summary
    from strongroom.cli.files import write_document
    from strongroom.cli.signing import now_ms

    if source is not None:
        policy = from_file(source, now_ms())
    else:
        from strongroom.cli.guided import ask, ask_template
        from strongroom.cli.template import Cast, written

        name = template or ask_template()
        policy = written(name, Cast(base_of(ask()), "USD", {}), now_ms()).document
    made = draft_of(policy)
    write_document(out, made)

    def human() -> None:
        pairs(summary(policy))
        say(f"written to {out}; every administrator and every node reads and signs it:", "green")
        say(f"  strongroom --profile DIR workspace sign {out}")
        say(f"  strongroom signer enrol --home DIR {out}")

    emit(made, as_json, human)


@app.command(epilog=example("strongroom --profile ~/strongroom/alice workspace sign draft.json"))
def sign(
    draft_file: Draft,
    out: Annotated[Path | None, typer.Option(help="Where the statement goes.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Agree to a draft as one of its administrators; offline."""
    from strongroom.cli.agreement import agree

    profile = load()
    target = out or Path(f"{profile.person}.statement.json")
    agree(draft_file, profile.person, profile.key(), target, yes=yes, as_json=as_json)


@app.command(epilog=example("strongroom workspace create --home /var/lib/strongroom draft.json *.statement.json"))
def create(
    draft_file: Draft,
    statements: Annotated[list[Path], typer.Argument(help="Statement files of all administrators and nodes.")],
    home: Annotated[Path, typer.Option(help="The coordinator's home.")],
    as_json: Json = False,
) -> None:
    """Write the first entry of the log from the draft and everybody's statements; its hash is the workspace's id."""
    from strongroom.cli.draft import load_draft
    from strongroom.cli.genesis import creation_entry, read_statements
    from strongroom.cli.homes import pin_coordinator
    from strongroom.cli.roles import store_first_entry
    from strongroom.cli.signing import now_ms

    entry = creation_entry(load_draft(draft_file), read_statements(statements), now_ms())
    workspace = entry.leaf.hex()
    pin_coordinator(home, workspace)
    store_first_entry(home, entry)

    def human() -> None:
        say(f"created workspace {workspace}", "green")
        say("this id is its name for ever; everybody pins it:")
        say(f"  strongroom serve --home {home}")
        say(f"  strongroom signer run --home DIR --workspace {workspace} --relay HOST:PORT")
        say(f"  strongroom --profile DIR workspace join {workspace} --api URL")

    emit({"workspace": workspace, "home": str(home)}, as_json, human)


@app.command("join", epilog=example("strongroom --profile ~/strongroom/alice workspace join 5e0c… --api http://127.0.0.1:7700"))
def join_workspace(
    workspace: Annotated[str, typer.Argument(help="The id that workspace create printed.")],
    api: Annotated[str, typer.Option(help="The coordinator's address.")],
    ca: Annotated[str, typer.Option(help="A certificate file to check https by.")] = "",
    relay: Annotated[list[str] | None, typer.Option(help="HOST:PORT of a relay of stops; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Pin the workspace in a profile, once the coordinator has shown the entry with that hash."""
    from dataclasses import replace

    from strongroom.cli.trust import join

    known = load()
    profile = replace(known, api=api, ca=ca, stop_relays=tuple(relay or known.stop_relays))
    policy = join(profile, workspace)
    document = {"workspace": workspace, "label": policy.label, "person": profile.person}
    emit(document, as_json, lambda: say(f"{profile.person} has joined {policy.label} ({workspace})", "green"))


@app.command(epilog=example("strongroom workspace show"))
def show(as_json: Json = False) -> None:
    """Which workspace the profile belongs to, checked against the coordinator."""
    from strongroom.cli.trust import seen_head

    profile = joined()
    client = profile.client()
    head = seen_head(client, profile.workspace)
    document = client.get("/v1/workspace")
    document["cosigned"] = {"size": head.size, "root": head.root}

    def human() -> None:
        pairs(
            (
                ("workspace", f"{document['label']}  {document['workspace']}"),
                ("you are", profile.person),
                ("log", f"{document['size']} entries, {head.size} of them cosigned by a quorum (verified)"),
                ("root", head.root),
                ("policy", f"version {document['policy_version']}"),
            )
        )

    emit(document, as_json, human)
