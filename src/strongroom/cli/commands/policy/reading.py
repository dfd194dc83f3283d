"""A policy read: two versions compared, a whole one in words, one request explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli.output import Json, emit, say
from strongroom.cli.profile import load

if TYPE_CHECKING:
    from strongroom.policy.model import Policy
    from strongroom.policy.reasons import Explained

Bundle = Annotated[Path | None, typer.Option(help="An exported log; without it, the coordinator's.")]
Version = Annotated[Path, typer.Argument(metavar="FILE", help="A whole policy in JSON or TOML.")]


def diff(
    old: Version,
    new: Annotated[Path | None, typer.Argument(metavar="[NEW]", help="Without it, FILE against that in force.")] = None,
    as_json: Json = False,
) -> None:
    """What changes from one version to the next, in words, and when it would be in force."""
    from strongroom.cli.files import read_document
    from strongroom.cli.signing import now_ms
    from strongroom.cli.telling import tell_changes
    from strongroom.policy.difference import acts_at_once, difference, obstacles
    from strongroom.policy.words import duration, moment

    before = read_document(old) if new else load().client().get("/v1/policy")["policy"]
    after, now = read_document(new or old), now_ms()
    at_once, changes, hindered = acts_at_once(before, after), difference(before, after), obstacles(before, after, now)
    adoptable = now if at_once else now + before["cool_down"] * 1000
    answer = {
        "versions": [before["version"], after["version"]],
        "tightens": at_once,
        "adoptable": adoptable,
        "obstacles": hindered,
        "changes": [change.to_doc() for change in changes],
    }

    def human() -> None:
        tell_changes(changes)
        if at_once:
            say("it only tightens: in force as soon as the administrators have signed it", "bold")
        else:
            wait = duration(before["cool_down"])
            say(f"it counts as a loosening: signed now, it waits {wait}, until {moment(adoptable)}", "bold")
        for hindrance in hindered:
            say(f"it cannot be proposed: {hindrance}", "red")

    emit(answer, as_json, human)


def explain(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Without it, the policy in force.")] = None,
    by: Annotated[str, typer.Option(help="Who proposes.")] = "",
    source: Annotated[str, typer.Option("--from", help="The wallet that pays.")] = "",
    to: Annotated[str, typer.Option(help="Address, account (CAIP-10) or the name of an own wallet.")] = "",
    asset: Annotated[str, typer.Option(help="Symbol in the policy, or CAIP-19.")] = "",
    amount: Annotated[str, typer.Option(help="Decimal text, such as 1.5.")] = "",
    intent: Annotated[Path | None, typer.Option(help="A whole intent instead, also of a call or message.")] = None,
    transfer: Annotated[str, typer.Option(help="A transfer of the log instead.")] = "",
    bundle: Bundle = None,
    as_json: Json = False,
) -> None:
    """A whole policy in words; or, of one request: which rule decides, and why those before it do not.

    The facts of a request (lists, own wallets, sums over time, prices) are those of the log, verified on the way.
    """
    from strongroom.cli.files import read_document
    from strongroom.cli.telling import tell

    document = read_document(file) if file else None
    if not (source or intent or transfer):
        document = document or load().client().get("/v1/policy")["policy"]
        return emit(document, as_json, lambda: tell(document))
    from strongroom.cli.asking import asked, asked_again, intent_of, under
    from strongroom.cli.verified import verified_log
    from strongroom.custody.authority import in_force
    from strongroom.policy.loader import load_policy
    from strongroom.policy.reasons import explained

    state = verified_log(bundle, as_json).state
    state = under(state, load_policy(document)) if document else state
    if transfer:
        request, used = asked_again(state, transfer)
    else:
        subject = read_document(intent) if intent else intent_of(state, source, to, asset, amount)
        request, used = asked(state, by, subject)
    return _tell_why(explained(in_force(state), request, used), in_force(state), as_json)


def _tell_why(found: Explained, policy: Policy, as_json: bool) -> None:
    """Each rule that was looked at, and the answer."""
    from strongroom.cli.telling import answer_document, answer_phrases

    said = answer_phrases(found.answer, policy.document["assets"])
    document = {"rules": [each.to_doc() for each in found.looked], "answer": answer_document(found.answer)}

    def human() -> None:
        for number, each in enumerate(found.looked, 1):
            not_held = f"not {', nor '.join(each.failing)}" if each.failing else "decides"
            say(f"{number}. {each.rule}: {not_held}", "dim" if each.failing else "")
        say("; ".join(said), "green" if len(said) > 1 else "red")

    emit(document, as_json, human)
