"""`strongroom freeze` and `strongroom unfreeze`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strongroom.cli.output import Json, example
from strongroom.cli.profile import Profile, joined
from strongroom.cli.stopping import Out, Relays, stop

Reason = Annotated[str, typer.Option(help="For everybody who finds it frozen.")]
Scope = Annotated[str, typer.Option(help="workspace, tier, wallet or person.")]
Target = Annotated[str, typer.Option(help="Which tier, wallet or person.")]


def freeze(
    reason: Reason,
    scope: Scope = "workspace",
    target: Target = "",
    relay: Relays = None,
    file: Out = None,
    as_json: Json = False,
) -> None:
    """Stop transfers at once: alone for 24 hours (once a week), two people until administrators end it."""
    give(joined(), reason, scope, target, relay, file, as_json)


def give(
    profile: Profile, reason: str, scope: str, target: str, relay: list[str] | None, file: Path | None, as_json: bool
) -> None:
    """Sign a freeze and hand it out by every path; raises InvalidInput freeze.scope."""
    from strongroom.errors import InvalidInput

    if scope not in ("workspace", "tier", "wallet", "person") or (scope == "workspace") == bool(target):
        raise InvalidInput(
            "freeze.scope",
            "a freeze is of the workspace, or of one tier, wallet or person",
            "give --scope wallet --target NAME, or neither",
        )
    subject = {"scope": scope, "target": target, "reason": reason}
    done = f"frozen: {scope} {target}".rstrip()
    stop(profile, "workspace.freeze", subject, done, relays=relay, out=file, as_json=as_json)


def unfreeze(
    freeze_id: Annotated[str, typer.Argument(metavar="[FREEZE]", help="Its id; the one in force when left out.")] = "",
    as_json: Json = False,
) -> None:
    """End a freeze: takes the administrators' threshold."""
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in
    from strongroom.errors import InvalidInput

    profile = joined()
    client = profile.client()
    rows = [row for row in client.get("/v1/freezes")["freezes"] if row["in_force"] and row["id"].startswith(freeze_id)]
    if len(rows) != 1:
        known = ", ".join(f"{row['id'][:12]} ({row['scope']} {row['target']})" for row in rows)
        problem = "several freezes are in force" if rows else "no such freeze is in force"
        raise InvalidInput("freeze.unknown", problem, f"name one: {known}" if rows else "")
    answer = hand_in(profile, client, "workspace.unfreeze", {"freeze": rows[0]["id"]})
    settle(answer, as_json, f"freeze {rows[0]['id'][:12]} has ended")


def register(app: typer.Typer) -> None:
    """Both commands at the top level."""
    app.command("freeze", epilog=example('strongroom freeze --scope wallet --target hot-eth --reason "phone stolen"'))(
        freeze
    )
    app.command("unfreeze", epilog=example("strongroom unfreeze 81c3"))(unfreeze)
