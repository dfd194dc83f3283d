"""`strongroom status`: the health of every role, and what is missing."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from strongroom.cli.output import Json, emit, example, say, table
from strongroom.cli.profile import load


def status(
    digests: Annotated[bool, typer.Option("--digests", help="Ask every node for its state's digest.")] = False,
    as_json: Json = False,
) -> None:
    """The health of each role: nodes, clocks, quorums, chains, and everything that is missing."""
    from strongroom.cli.exits import Exit

    document = load().client().get("/v1/status", **({"digests": 1} if digests else {}))
    emit(document, as_json, lambda: _render(document))
    short = document["witnesses"]["have"] < document["witnesses"]["need"]
    if short or any(quorum["have"] < quorum["need"] for quorum in document["quorums"].values()):
        raise typer.Exit(Exit.UNREACHABLE)


def _render(document: dict[str, Any]) -> None:
    from strongroom.cli.timeline import day

    log, policy = document["log"], document["policy"]
    age = (document["time"] - log["fresh"]) // 1000 if log["fresh"] else None
    say(f"{document['label']}  workspace {document['workspace']}", "bold")
    fresh = "no quorum-cosigned checkpoint" if age is None else f"checkpoint {max(age, 0)} s old"
    say(f"log       {log['size']} entries, {log['cosigned']} cosigned, {fresh}")
    say(f"policy    version {policy['version']}, until {day(policy['expires'])}")
    say(f"transfers {document['transfers']['open']} open of {document['transfers']['all']}")
    digests = document["digests"]
    rows = []
    for node in document["nodes"]:
        row = [
            node["name"],
            node["duty"],
            "up" if node["connected"] else "DOWN",
            "yes" if node["started"] else "–" if node["duty"] == "guardian" else "no",
            node["size"],
            node["cosigned"],
            f"{node['skew_ms']} ms",
            node["bans"],
        ]
        if digests is not None:
            row.append(digests.get(node["name"], {}).get("digest", "no answer")[:16])
        rows.append(row)
    headings = ["node", "duty", "is", "started", "log", "cosigned", "clock", "bans"]
    table([*headings, "state digest"] if digests is not None else headings, rows, "no nodes")
    have, need = document["witnesses"]["have"], document["witnesses"]["need"]
    say(f"witnesses {have} of {need}", "" if have >= need else "bold red")
    for key, quorum in document["quorums"].items():
        style = "" if quorum["have"] >= quorum["need"] else "bold red"
        say(f"key {key}: quorum {quorum['have']} of {quorum['need']}", style)
    for chain in document["chains"]:
        said = f"at block {chain['block']}" if chain["reachable"] else f"DOWN: {chain['error']}"
        say(f"chain {chain['chain']} {said}", "" if chain["reachable"] else "bold red")
    for finding in document["findings"]:
        say(f"! {finding}", "yellow")


def register(app: typer.Typer) -> None:
    """The command at the top level."""
    app.command("status", epilog=example("strongroom status"))(status)
