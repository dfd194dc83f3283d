"""`strongroom log …`: the log itself."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from strongroom.cli.output import Json, emit, example, say, table
from strongroom.cli.profile import joined

app = typer.Typer(help="The log itself: seal its state, repair it when no side can go on.", no_args_is_help=True)


@app.command(epilog=example("strongroom log repair", "strongroom log repair --yes"))
def repair(
    yes: Annotated[bool, typer.Option("--yes", help="Order it; without, only what it would do is shown.")] = False,
    timeout: Annotated[float, typer.Option(help="Give up after so many seconds.")] = 60,
    as_json: Json = False,
) -> None:
    """Go on from the highest head that a quorum accepted: takes the administrators' threshold."""
    from strongroom.cli.orders import order
    from strongroom.errors import InvalidInput

    profile = joined()
    split = profile.client().get("/v1/repair")
    if not yes:
        return emit(split, as_json, lambda: _show(split))
    if not split["stuck"]:
        raise InvalidInput(
            "repair.not_needed", "a quorum holds one log: it goes on by itself", "see: strongroom status"
        )
    if not as_json:
        _show(split)
    said = f"repair {split['number']} is in the log: it goes on once a quorum has cosigned it; see: strongroom status"
    return order(profile, "log.repair", {"number": split["number"]}, None, said, timeout, as_json)


@app.command(epilog=example("strongroom log seal", "strongroom log seal --json"))
def seal(as_json: Json = False) -> None:
    """Seal the digest of the state into the log now: every witness compares, and snapshots begin there."""
    _, sealed = joined().client().post("/v1/seals", {})
    return emit(sealed, as_json, lambda: say(f"entry {sealed['entry']} seals the state: {sealed['digest']}"))


def _show(split: dict[str, Any]) -> None:
    rows = [(h["size"], h["root"][:16], h["repair"], ", ".join(h["nodes"])) for h in split["heads"]]
    table(("entries", "root", "repair", "held by"), rows, "no node is connected")
    say(f"{split['cosigned']} entries are cosigned by a quorum: they stay in any case")
    if not split["stuck"]:
        return say("a quorum holds one log: nothing is to be repaired", "green")
    say(f"no head has a quorum: repair {split['number']} goes on from the highest one that is proven to have had it")
    kinds = ", ".join(f"{row['index']} {row['kind']}" for row in split["again"][:20])
    say(f"sequenced again, with new times, unless it is kept: {kinds or 'nothing'}")
    say("transfers, approvals and stops on the other tails are sequenced again as well, from their statements")
    return say("administrators order it with --yes; witnesses that have stated for it speak under it only", "yellow")
