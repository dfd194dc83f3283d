"""`strongroom freeze` and `strongroom unfreeze`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from strongroom.cli.output import Json, emit, example, say
from strongroom.cli.profile import Profile, joined


def freeze(
    reason: Annotated[str, typer.Option(help="For everybody who finds it frozen.")],
    scope: Annotated[str, typer.Option(help="workspace, tier, wallet or person.")] = "workspace",
    target: Annotated[str, typer.Option(help="Which tier, wallet or person.")] = "",
    out: Annotated[Path | None, typer.Option(help="Only write the signed freeze to a file; offline.")] = None,
    as_json: Json = False,
) -> None:
    """Stop transfers at once: alone for 24 hours (once a week), two people until administrators end it."""
    from strongroom.cli.settle import settle
    from strongroom.cli.signing import hand_in
    from strongroom.errors import InvalidInput

    if scope not in ("workspace", "tier", "wallet", "person") or (scope == "workspace") == bool(target):
        raise InvalidInput(
            "freeze.scope",
            "a freeze is of the workspace, or of one tier, wallet or person",
            "give --scope wallet --target NAME, or neither",
        )
    profile = joined()
    subject = {"scope": scope, "target": target, "reason": reason}
    if out is not None:
        return _write(profile, subject, out, as_json)
    answer = hand_in(profile, profile.client(), "workspace.freeze", subject, stop=True)
    return settle(answer, as_json, f"frozen: {scope} {target}".rstrip())


def _write(profile: Profile, subject: dict[str, Any], out: Path, as_json: bool) -> None:
    """For when the coordinator cannot be trusted or reached: a node takes the file from its home's `stops`."""
    from strongroom.cli.files import write_document
    from strongroom.cli.signing import signed_stop

    document = signed_stop(profile, "workspace.freeze", subject).to_doc()
    write_document(out, document)
    said = f"signed; put {out} into the directory `stops` of each node's home: it binds that node at once"
    emit(document, as_json, lambda: say(said, "green"))


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
