"""`strongroom restore`: the coordinator's home made anew from what any node has kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strongroom.cli.output import Json, bars, emit, example, say


def restore(
    source: Annotated[
        Path, typer.Option("--from-signer", metavar="HOME|BUNDLE", help="A stopped node's home, or an audit bundle.")
    ],
    home: Annotated[Path, typer.Option(help="The coordinator's home to make; it must not exist.")],
    log_key: Annotated[Path | None, typer.Option(help="The backup of log.key; without it a new one is made.")] = None,
    api: Annotated[str, typer.Option(help="Where the API listens.")] = "127.0.0.1:7700",
    relay: Annotated[str, typer.Option(help="Where the relay listens; where the node dials, when left out.")] = "",
    chain: Annotated[list[str] | None, typer.Option(help="CAIP-2=URL of a blockchain node; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Make the coordinator's home anew from a node's copy of the log, every entry checked; no other node stops."""
    from strongroom.cli.homes import chains_of
    from strongroom.cli.rebuilding import Settings, rebuild
    from strongroom.cli.replica import opened
    from strongroom.documents.credentials import SigningKey

    key = SigningKey.load(log_key) if log_key is not None else SigningKey.generate()
    settings = Settings(api, relay, chains_of(chain or ()))
    with opened(source) as replica, bars(as_json) as shown:
        task = shown.add_task("entries checked and stored", total=None)
        state, named = rebuild(home, replica, key, settings, lambda done: shown.update(task, completed=done))
    document = {"home": str(home), "workspace": state.workspace, "size": state.size, "root": state.root.hex()}
    document["log_key"] = "the policy's" if named else "new"

    def human() -> None:
        say(f"{home} holds the log of workspace {state.workspace}: {state.size} entries, all checked", "green")
        say(f"root {state.root.hex()}")
        if not named:
            say("log.key is new, and the policy names another:", "yellow")
            say(f"  each node's operator copies {home / 'coordinator.json'} into the node's home and restarts it;")
            say(f"  then administrators sign: strongroom policy propose {home / 'next-policy.json'}")
        say(f"  strongroom serve --home {home}")

    emit(document, as_json, human)


def register(app: typer.Typer) -> None:
    """The command at the top level."""
    line = "strongroom restore --from-signer /var/lib/signer-1 --home /var/lib/strongroom --log-key backup/log.key"
    app.command("restore", epilog=example(line))(restore)
