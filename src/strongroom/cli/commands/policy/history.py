"""A draft against the past: which transfers it would have decided otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from strongroom.cli.output import Json, emit, say

if TYPE_CHECKING:
    from strongroom.audit.replay import Change

Draft = Annotated[Path, typer.Argument(metavar="DRAFT", help="A whole policy in JSON or TOML.")]


def replay(
    draft: Draft,
    bundle: Annotated[Path | None, typer.Option(help="An exported log; without it, the coordinator's.")] = None,
    as_json: Json = False,
) -> None:
    """Exactly the past transfers whose verdict or obligations would have been others under a draft.

    The log is verified on the way, entry by entry. What the draft denies consumes nothing of its limits.
    """
    from strongroom.audit.replay import Replay
    from strongroom.cli.files import read_document
    from strongroom.cli.verified import verified_log
    from strongroom.policy.loader import load_policy

    document = read_document(draft)
    replayed = Replay(load_policy(document))
    verified_log(bundle, as_json, replayed.take)
    changes = replayed.changes
    answer = {"transfers": replayed.transfers, "changed": [_document(change) for change in changes]}

    def human() -> None:
        for change in changes:
            for line, style in _lines(change, document["assets"]):
                say(line, style)
        say(f"{len(changes)} of {replayed.transfers} transfers would have been decided otherwise", "bold")

    emit(answer, as_json, human)


def _document(change: Change) -> dict[str, Any]:
    from strongroom.cli.telling import answer_document

    transfer, intent = change.transfer, change.transfer.intent
    return {
        "transfer": transfer.id,
        "proposed": transfer.proposed,
        "at": change.at,
        "initiator": transfer.initiator,
        "from": intent.wallet,
        "to": intent.to,
        "asset": intent.asset,
        "amount": str(intent.amount),
        "old": answer_document(change.old),
        "new": answer_document(change.new),
    }


def _lines(change: Change, assets: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked for, what was said then, what the draft says; of changed terms only those that differ."""
    from strongroom.cli.telling import answer_phrases
    from strongroom.policy.words import moment, money

    transfer, intent = change.transfer, change.transfer.intent
    asked = f"{money(assets, intent.asset, str(intent.amount))} from {intent.wallet} to {intent.to}"
    old, new = answer_phrases(change.old, assets), answer_phrases(change.new, assets)
    style = "yellow" if len(new) > 1 else "red"
    return [
        (f"{moment(transfer.proposed)}  {transfer.id[:12]}  {transfer.initiator}: {asked}", ""),
        (f"  was {'; '.join(part for part in old if part not in new[1:])}", "dim"),
        (f"  now {'; '.join(part for part in new if part not in old[1:])} (when {change.at})", style),
    ]
